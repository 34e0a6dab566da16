//! A request for more vectors than its vendor makes in one call, as several.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tollbridge_core::{Error, ErrorKind, Operation, Reply, ReplyBody, Request};
use tollbridge_types::{EmbedInput, EmbedRequest, Json, Protocol};

use crate::peek::{Field, edited, head};
use crate::{embed_reply, embed_request};

/// Cuts a request for vectors into requests of at most `most` texts, in their order; `None` if it has no more.
///
/// A client's body stays its own, but for the texts that are left out.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] with the JSON path of the fault.
pub fn embed_parts(request: &Request, most: usize) -> Result<Option<Vec<Request>>, Error> {
    let typed = embed_request(request)?;
    if most == 0 || typed.input.len() <= most {
        return Ok(None);
    }
    let bodies = match request.wire() {
        Some(wire) => bodies(&wire.body, wire.protocol, most)?,
        None => None,
    };
    let parts = match (request.wire(), bodies) {
        (Some(wire), Some(bodies)) => {
            let from_body = |body| Request::from_wire(Operation::Embed, wire.protocol, request.model.as_str(), body);
            bodies.into_iter().map(from_body).collect()
        }
        _ => typed
            .input
            .chunks(most)
            .map(|inputs| Request::embed(with_input(&typed, &request.model, inputs)))
            .collect::<Vec<_>>(),
    };
    Ok(Some(parts.into_iter().map(|part| with_head(part, request)).collect()))
}

/// Makes one reply of the replies to the parts of at most `most` texts.
///
/// # Errors
/// [`ErrorKind::Decode`] if one has not a vector for each text.
pub fn gathered(parts: Vec<(Request, Reply)>, most: usize) -> Result<Reply, Error> {
    let (mut bodies, mut losses, mut known, mut last) = (Vec::new(), Vec::new(), HashSet::new(), None);
    for (place, (request, mut reply)) in parts.into_iter().enumerate() {
        let (wanted, found) = (embed_request(&request)?.input.len(), embed_reply(&reply)?.embeddings.len());
        if wanted != found {
            let message = format!("the vendor sent {found} vectors for {wanted} texts");
            return Err(Error::new(ErrorKind::Decode, message).with_provider(&reply.provider));
        }
        for mut loss in std::mem::take(&mut reply.losses) {
            loss.path = moved(&loss.path, place * most);
            if known.insert(loss.path.clone()) {
                losses.push(loss);
            }
        }
        if let ReplyBody::Whole(body) = &reply.body {
            bodies.push(indexed(body, reply.protocol, place * most)?);
        }
        last = Some(reply);
    }
    let mut reply = last.ok_or_else(|| Error::invalid("input", "`input` is empty"))?;
    reply.body = Bytes::from(merged(bodies, 0).as_str().to_owned()).into();
    reply.losses = losses;
    Ok(reply)
}

/// Returns a path into a part as one into the whole, of which `by` texts stand before the part.
pub fn moved(path: &str, by: usize) -> String {
    let place = path.split_once('[').and_then(|(list, rest)| Some((list, rest.split_once(']')?)));
    match place {
        Some((list @ ("input" | "requests"), (number, rest))) => match number.parse::<usize>() {
            Ok(number) => format!("{list}[{}]{rest}", number + by),
            Err(_) => path.to_owned(),
        },
        _ => path.to_owned(),
    }
}

/// Cuts a client's body; `None` if its protocol has no list of texts that can be told here.
fn bodies(body: &Bytes, protocol: Protocol, most: usize) -> Result<Option<Vec<Bytes>>, Error> {
    let (text, lists) = head::<Lists<'_>>(body)?;
    let list = match protocol {
        Protocol::OPENAI_EMBEDDINGS => lists.input,
        Protocol::GEMINI_EMBED => lists.requests,
        _ => return Ok(None),
    };
    let Some(span) = list.span(text) else { return Ok(None) };
    let Some(inputs) = text.get(span.clone()).and_then(|list| serde_json::from_str::<Vec<&RawValue>>(list).ok()) else {
        return Ok(None);
    };
    let part = |inputs: &[&RawValue]| {
        let inputs: Vec<_> = inputs.iter().map(|input| input.get()).collect();
        edited(body, vec![(span.clone(), format!("[{}]", inputs.join(",")))])
    };
    Ok(Some(inputs.chunks(most).map(part).collect()))
}

/// Where the protocols of clients have their texts.
#[derive(Deserialize)]
struct Lists<'a> {
    #[serde(borrow, default)]
    input: Field<'a>,
    #[serde(borrow, default)]
    requests: Field<'a>,
}

fn with_input(whole: &EmbedRequest, model: &str, input: &[EmbedInput]) -> EmbedRequest {
    let mut part = EmbedRequest::default();
    (part.model, part.input) = (model.to_owned(), input.to_vec());
    (part.dimensions, part.base64) = (whole.dimensions, whole.base64);
    (part.user, part.extras) = (whole.user.clone(), whole.extras.clone());
    part
}

fn with_head(mut part: Request, whole: &Request) -> Request {
    (part.strict, part.headers, part.route) = (whole.strict, whole.headers.clone(), whole.route.clone());
    part
}

/// Returns a part's reply in which each vector has its place among all.
fn indexed(body: &Bytes, protocol: Protocol, by: usize) -> Result<Json, Error> {
    let wrong = |_| Error::new(ErrorKind::Decode, "the embeddings reply is not JSON");
    let text = String::from_utf8_lossy(body);
    let json = Json::from_text(text.as_ref()).map_err(wrong)?;
    if protocol != Protocol::OPENAI_EMBEDDINGS || by == 0 {
        return Ok(json);
    }
    let Ok((text, list)) = head::<Data<'_>>(json.as_str().as_bytes()) else { return Ok(json) };
    let places = list.data.iter().flatten().filter_map(|entry| {
        let (inner, entry) = head::<Entry<'_>>(entry.get().as_bytes()).ok()?;
        let number = entry.index.span(inner)?;
        let start = inner.as_ptr() as usize - text.as_ptr() as usize;
        let index: usize = inner.get(number.clone())?.parse().ok()?;
        Some((start + number.start..start + number.end, (index + by).to_string()))
    });
    let moved = edited(text.as_bytes(), places.collect());
    Json::from_text(String::from_utf8_lossy(&moved)).map_err(wrong)
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    data: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    index: Field<'a>,
}

/// Makes one value of several: lists one after the other, fields each by its name, counts added up, the first of all else.
fn merged(values: Vec<Json>, depth: usize) -> Json {
    let all = |first: char| values.iter().all(|value| value.as_str().starts_with(first));
    if all('[') {
        let inner = values.iter().filter_map(|value| value.as_str().strip_prefix('[')?.strip_suffix(']'));
        let inner: Vec<_> = inner.filter(|inner| !inner.trim().is_empty()).collect();
        return Json::from_text(format!("[{}]", inner.join(","))).unwrap_or_else(|_| first_of(values));
    }
    if all('{') && depth < DEPTH {
        let (mut names, mut fields) = (Vec::new(), BTreeMap::<String, Vec<Json>>::new());
        for value in &values {
            for (name, field) in crate::object::Object::lenient(value).into_fields() {
                let known = fields.entry(name.clone()).or_default();
                if known.is_empty() {
                    names.push(name);
                }
                known.push(field);
            }
        }
        let mut object = crate::object::Fields::new();
        for name in names {
            let inner = fields.remove(&name).unwrap_or_default();
            object.put(&name, &merged(inner, depth + 1));
        }
        return object.to_json();
    }
    let counts: Option<Vec<u64>> = values.iter().map(|value| value.parse().ok()).collect();
    match counts {
        Some(counts) => crate::object::json(&counts.into_iter().fold(0, u64::saturating_add)),
        None => first_of(values),
    }
}

fn first_of(values: Vec<Json>) -> Json {
    values.into_iter().next().unwrap_or_else(|| crate::object::json(&()))
}

/// How deep counts may stand in a reply.
const DEPTH: usize = 8;
