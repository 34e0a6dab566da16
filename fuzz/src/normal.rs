//! The form in which two requests that mean the same are the same.
//!
//! A codec need not write a request as it was spelled, but whatever it changes without telling is in this table.
//!
//! | as read | as written | why |
//! |---|---|---|

use tollbridge_types::ChatRequest;

pub(crate) fn request(request: &ChatRequest) -> ChatRequest {
    request.clone()
}
