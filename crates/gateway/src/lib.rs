//! The HTTP gateway: any client protocol in, any provider out.
