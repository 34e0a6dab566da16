/// Returns a model's name without what clouds, routers and versions put around it, in lower case.
///
/// Rules are matched against it, so that one pattern holds wherever the model is served.
///
/// ```
/// use tollbridge_profiles::bare_name;
///
/// for name in [
///     "claude-sonnet-4-5-20250929",
///     "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
///     "claude-sonnet-4-5@20250929",
///     "publishers/anthropic/models/claude-sonnet-4-5",
///     "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
/// ] {
///     assert_eq!(bare_name(name), "claude-sonnet-4-5", "{name}");
/// }
/// assert_eq!(bare_name("ft:gpt-4o-mini-2024-07-18:org::id"), "gpt-4o-mini");
/// assert_eq!(bare_name("deepseek/deepseek-r1:free"), "deepseek-r1");
/// assert_eq!(bare_name("gpt-5.4"), "gpt-5.4");
/// ```
pub fn bare_name(model: &str) -> String {
    let name = model.strip_prefix("ft:").and_then(|tuned| tuned.split(':').next()).unwrap_or(model);
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    let name = without_places(&name);
    let name = name.split('@').next().unwrap_or(name);
    let name = match name.split_once(':') {
        // Bedrock's version of an id, `-v1:0`; elsewhere a router's variant, such as `:free`.
        Some((name, _)) => without_version(name),
        None => name,
    };
    // Bedrock's newer ids have the version of the id and no colon behind it.
    let undated = undated(name).or_else(|| undated(without_version(name)));
    undated.unwrap_or(name).to_owned()
}

/// Takes off the geography and the maker in front of a Bedrock id: words of letters, each followed by a dot.
fn without_places(name: &str) -> &str {
    let mut rest = name;
    while let Some((word, behind)) = rest.split_once('.') {
        let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
        if !is_word || !behind.starts_with(|first: char| first.is_ascii_alphabetic()) {
            break;
        }
        rest = behind;
    }
    rest
}

fn without_version(name: &str) -> &str {
    let Some((head, version)) = name.rsplit_once("-v") else { return name };
    let is_version = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    if is_version { head } else { name }
}

/// Takes off the date of a version: `-20240718` or `-2024-07-18`.
fn undated(name: &str) -> Option<&str> {
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let (head, last) = name.rsplit_once('-')?;
    if digits(last, 8) && last.starts_with("20") {
        return Some(head);
    }
    let (head, month) = head.rsplit_once('-')?;
    let (head, year) = head.rsplit_once('-')?;
    (digits(last, 2) && digits(month, 2) && digits(year, 4) && year.starts_with("20")).then_some(head)
}
