//! One layer between an application and every LLM.
