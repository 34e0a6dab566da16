use bytes::Bytes;
use serde_json::{Map, Value};
use tollbridge_core::{Error, ErrorKind};

/// Where a server has the fields of a protocol that it speaks under names of its own.
///
/// Each pair is a path in the protocol and a path at the server, with dots; a number is a place in a list.
///
/// ```
/// use tollbridge_provider::FieldMap;
///
/// let map = FieldMap::parse("messages=chat.turns, max_tokens=limit, stream=")?;
/// let body = br#"{"messages": [], "max_tokens": 5, "stream": false, "model": "m"}"#;
/// assert_eq!(map.to_server(body)?, r#"{"chat":{"turns":[]},"limit":5,"model":"m"}"#);
/// let map = FieldMap::parse("choices.0.message.content=result.text")?;
/// let reply = br#"{"result": {"text": "hi"}}"#;
/// assert_eq!(map.from_server(reply)?, r#"{"choices":[{"message":{"content":"hi"}}],"result":{"text":"hi"}}"#);
/// # Ok::<(), tollbridge_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMap(Vec<(Vec<String>, Vec<String>)>);

impl FieldMap {
    /// Reads `field=path` pairs with commas between them; a field without a path is left out of what is sent.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for what is no such pair, or leads too far.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let path = |text: &str| text.trim().split('.').filter(|step| !step.is_empty()).map(str::to_owned).collect();
        let pairs = text.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
            let (ours, theirs) = pair.split_once('=')?;
            let (ours, theirs): (Vec<String>, Vec<String>) = (path(ours), path(theirs));
            let is_far = |step: &String| step.parse::<usize>().is_ok_and(|place| place > FARTHEST);
            let fits = !ours.is_empty() && !ours.iter().chain(&theirs).any(is_far);
            fits.then_some((ours, theirs))
        });
        pairs.collect::<Option<_>>().map(Self).ok_or_else(|| {
            Error::new(ErrorKind::Config, "a map of fields has a pair that is none")
                .with_hint("write pairs of a field and the server's path, such as messages=input.turns")
        })
    }

    /// Says whether all fields have their usual names.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Moves the protocol's fields to where the server has them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the body is not JSON.
    pub fn to_server(&self, body: &[u8]) -> Result<Bytes, Error> {
        let mut value: Value = serde_json::from_slice(body)
            .map_err(|error| Error::new(ErrorKind::InvalidRequest, format!("the body is not valid JSON: {error}")))?;
        // All are taken before any is put, so that two can change places.
        let taken: Vec<_> = self.0.iter().map(|(ours, theirs)| (take(&mut value, ours), theirs)).collect();
        for (field, theirs) in taken {
            if let (Some(field), false) = (field, theirs.is_empty()) {
                put(&mut value, theirs, field);
            }
        }
        Ok(value.to_string().into())
    }

    /// Copies the server's fields to where the protocol has them.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] if the body is not JSON.
    pub fn from_server(&self, body: &[u8]) -> Result<Bytes, Error> {
        let mut value: Value = serde_json::from_slice(body)
            .map_err(|error| Error::new(ErrorKind::Decode, format!("the reply is not valid JSON: {error}")))?;
        let found: Vec<_> = self.0.iter().map(|(ours, theirs)| (ours, find(&value, theirs).cloned())).collect();
        for (ours, field) in found {
            if let Some(field) = field {
                put(&mut value, ours, field);
            }
        }
        Ok(value.to_string().into())
    }
}

fn find<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    })
}

fn take(value: &mut Value, path: &[String]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        value => value.get_mut(step),
    })?;
    parent.as_object_mut()?.remove(last)
}

fn put(value: &mut Value, path: &[String], field: Value) {
    let Some((step, rest)) = path.split_first() else {
        *value = field;
        return;
    };
    let inner = match step.parse::<usize>() {
        Ok(place) => {
            if !value.is_array() {
                *value = Value::Array(Vec::new());
            }
            let Some(items) = value.as_array_mut() else { return };
            if items.len() <= place {
                items.resize(place + 1, Value::Null);
            }
            items.get_mut(place)
        }
        Err(_) => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            value.as_object_mut().map(|fields| fields.entry(step.clone()).or_insert(Value::Null))
        }
    };
    if let Some(inner) = inner {
        put(inner, rest, field);
    }
}

/// The farthest place in a list that a path may name.
const FARTHEST: usize = 127;
