use http::{HeaderMap, HeaderName};
use tollbridge::{CallContext, Error};
use tollbridge_usage::key::{MAX_TAGS, Tag};

/// Says what a call is for, as `name=value` pairs with commas between them.
const TAGS: HeaderName = HeaderName::from_static("x-tollbridge-tags");

/// Names the task that a call is part of.
const TASK: HeaderName = HeaderName::from_static("x-tollbridge-task");

/// Adds what the client says that a call is for. What its key says stays as it is.
pub(crate) fn add(headers: &HeaderMap, cx: &mut CallContext) -> Result<(), Error> {
    for tag in read(headers)? {
        if !cx.tags.iter().any(|(name, _)| *name == tag.name) {
            cx.tags.push((tag.name, tag.value));
        }
    }
    Ok(())
}

fn read(headers: &HeaderMap) -> Result<Vec<Tag>, Error> {
    let task = texts(headers, &TASK)?.into_iter().map(|task| (TASK, Tag::new("task", task.trim())));
    let pairs = texts(headers, &TAGS)?.into_iter().flat_map(|text| text.split(','));
    let pairs = pairs.filter(|pair| !pair.trim().is_empty()).map(|pair| (TAGS, pair.parse()));
    let mut tags: Vec<Tag> = Vec::new();
    for (header, tag) in task.chain(pairs) {
        let tag = tag.map_err(|fault| wrong(&header, &fault))?;
        if tags.iter().any(|other| other.name == tag.name) {
            return Err(wrong(&header, &format!("the tag `{}` is there twice", tag.name)));
        }
        tags.push(tag);
    }
    if tags.len() > MAX_TAGS {
        return Err(wrong(&TAGS, &format!("there are more than {MAX_TAGS} tags")));
    }
    Ok(tags)
}

fn texts<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Vec<&'a str>, Error> {
    let values = headers.get_all(name).iter();
    values.map(|value| std::str::from_utf8(value.as_bytes()).map_err(|_| wrong(name, "it is not UTF-8"))).collect()
}

fn wrong(header: &HeaderName, fault: &str) -> Error {
    let example = if *header == TASK { "t1" } else { "task=t1,feature=search" };
    Error::invalid(header.as_str(), format!("the header `{header}` is wrong: {fault}"))
        .with_hint(format!("write it like `{header}: {example}`"))
}
