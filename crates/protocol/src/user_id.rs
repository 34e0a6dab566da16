//! Who a call is made for, where a vendor takes no name of a person.

use tollbridge_core::Loss;

/// Returns an id that names nobody; Anthropic forbids names, e-mail addresses and telephone numbers, and refuses some.
///
/// A UUID passes, and so does another long row of hexadecimal digits.
pub(crate) fn opaque<'a>(user: Option<&'a String>, losses: &mut Vec<Loss>) -> Option<&'a String> {
    let is_opaque = |user: &&String| {
        (32..=128).contains(&user.len()) && user.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    };
    kept(user, is_opaque, "Anthropic takes a UUID or a hash, and nothing that may name a person", losses)
}

/// Returns an id of no more than the 64 letters that OpenAI takes.
pub(crate) fn short<'a>(user: Option<&'a String>, losses: &mut Vec<Loss>) -> Option<&'a String> {
    kept(user, |user| user.chars().count() <= 64, "OpenAI takes no more than 64 letters", losses)
}

fn kept<'a>(
    user: Option<&'a String>,
    passes: impl Fn(&&String) -> bool,
    why: &str,
    losses: &mut Vec<Loss>,
) -> Option<&'a String> {
    let kept = user.filter(passes);
    if user.is_some() && kept.is_none() {
        losses.push(Loss::dropped("user", why));
    }
    kept
}
