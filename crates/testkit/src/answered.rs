use bytes::BytesMut;
use serde_json::Value;

/// What an upstream answered to a request, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The status.
    pub status: u16,
    /// The body, as far as it was written.
    pub body: BytesMut,
    /// Whether it was written to its end.
    pub ended: bool,
}

impl Answered {
    /// Returns the id that the answer says it has.
    pub fn id(&self) -> Option<String> {
        let places = ["/id", "/message/id", "/response/id", "/responseId"];
        let found = |piece: &Value| places.iter().find_map(|place| piece.pointer(place)?.as_str().map(str::to_owned));
        self.pieces().iter().find_map(found)
    }

    /// Returns the input and output tokens that the answer says it used.
    pub fn usage(&self) -> Option<(u64, u64)> {
        let pieces = self.pieces();
        let last = |names: &[&str]| pieces.iter().rev().find_map(|piece| count(piece, names));
        let input = last(&["prompt_tokens", "input_tokens", "promptTokenCount"])?;
        Some((input, last(&["completion_tokens", "output_tokens", "candidatesTokenCount"]).unwrap_or(0)))
    }

    /// Returns the JSON texts in the body: its events, or all of it.
    fn pieces(&self) -> Vec<Value> {
        let text = String::from_utf8_lossy(&self.body);
        match serde_json::from_str(&text) {
            Ok(Value::Array(list)) => list,
            Ok(whole) => vec![whole],
            Err(_) => text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()).collect(),
        }
    }
}

/// Finds a number of tokens wherever a vendor tells usage.
fn count(piece: &Value, names: &[&str]) -> Option<u64> {
    let places = ["/usage", "/usageMetadata", "/message/usage", "/response/usage"];
    let usage = places.iter().find_map(|place| piece.pointer(place).filter(|usage| usage.is_object()))?;
    names.iter().find_map(|name| usage.get(*name)?.as_u64())
}
