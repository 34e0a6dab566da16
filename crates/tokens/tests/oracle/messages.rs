use serde_json::Value;
use tollbridge_tokens::count_request;

use crate::request;
use crate::rows;
