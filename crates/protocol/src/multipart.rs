//! The few fields of a multipart body that routing needs: they are found and replaced in place, and
//! files are never looked at. After RFC 7578 and RFC 2046.

use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;
use tollbridge_core::{Error, ErrorKind};

/// Returns the boundary of a multipart body from its `Content-Type`.
pub fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let named = name.trim().eq_ignore_ascii_case("boundary");
        Some(value.trim().trim_matches('"')).filter(|value| named && !value.is_empty())
    })
}

/// Reads a text field.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the body is no multipart body of this boundary.
pub fn field(body: &[u8], boundary: &str, name: &str) -> Result<Option<String>, Error> {
    let span = find(body, boundary, name)?;
    Ok(span.and_then(|span| Some(String::from_utf8_lossy(body.get(span)?).into_owned())))
}

/// Returns the body with another value of a text field, and every other byte as it was.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the body is no multipart body of this boundary, or has no such field.
pub fn replace(body: &Bytes, boundary: &str, name: &str, value: &str) -> Result<Bytes, Error> {
    let span = find(body, boundary, name)?.ok_or_else(|| {
        Error::invalid(name, format!("the form has no field `{name}`")).with_hint("send it as a field of the form")
    })?;
    let (before, after) = (body.get(..span.start).unwrap_or_default(), body.get(span.end..).unwrap_or_default());
    if body.get(span) == Some(value.as_bytes()) {
        return Ok(body.clone());
    }
    Ok(Bytes::from([before, value.as_bytes(), after].concat()))
}

fn find(body: &[u8], boundary: &str, name: &str) -> Result<Option<Range<usize>>, Error> {
    let broken = || {
        Error::new(ErrorKind::InvalidRequest, "the body is not the form that its `Content-Type` says")
            .with_hint("send multipart/form-data with the boundary that the header names")
    };
    let delimiter = format!("--{boundary}");
    let mut ends = memmem::find_iter(body, delimiter.as_bytes())
        .filter(|at| *at == 0 || at.checked_sub(2).and_then(|before| body.get(before..*at)) == Some(b"\r\n"));
    let mut at = ends.next().ok_or_else(broken)?;
    for next in ends {
        let part =
            body.get(at + delimiter.len()..next).and_then(|part| part.strip_prefix(b"\r\n")).ok_or_else(broken)?;
        let start = at + delimiter.len() + 2;
        let head = memmem::find(part, b"\r\n\r\n").ok_or_else(broken)?;
        if part.get(..head).is_some_and(|head| names(head, name)) {
            return Ok(Some(start + head + 4..next.saturating_sub(2)));
        }
        at = next;
    }
    Ok(None)
}

/// Says whether the headers of a part give it this name and no file name.
fn names(head: &[u8], name: &str) -> bool {
    let head = String::from_utf8_lossy(head);
    head.lines().filter_map(|line| line.split_once(':')).any(|(header, value)| {
        let parameters: Vec<&str> = value.split(';').map(str::trim).collect();
        let wanted = format!("name=\"{name}\"");
        header.trim().eq_ignore_ascii_case("content-disposition")
            && parameters.iter().any(|parameter| *parameter == wanted || *parameter == format!("name={name}"))
            && !parameters.iter().any(|parameter| parameter.starts_with("filename"))
    })
}
