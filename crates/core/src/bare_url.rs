/// Returns a URL without what may be secret: user and password, query and fragment.
///
/// ```
/// use tollbridge_core::bare_url;
/// assert_eq!(bare_url("https://ann:pass@example.com/prices?token=1"), "https://example.com/prices");
/// ```
pub fn bare_url(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = bare.split_once("://") else { return bare.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}
