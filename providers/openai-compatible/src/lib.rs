//! Vendors that speak OpenAI's protocol, as a table.
