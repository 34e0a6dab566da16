//! Whatever a model is called, its name stays in its place of the path.

use proptest::prelude::*;
use tollbridge_provider::{Endpoint, api_path};

proptest! {
    #[test]
    fn a_models_name_never_leaves_its_place(model in ".{0,24}") {
        let Ok(segments) = api_path(&model) else { return Ok(()) };
        let Ok(endpoint) = Endpoint::parse("https://h/v1", None) else { return Ok(()) };
        let url = endpoint.join(&[&["models"], segments.as_slice()].concat());
        prop_assert!(url.path().starts_with("/v1/models/"), "{}", url);
        prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("h"), None, None));
        prop_assert_eq!(url.path_segments().map(Iterator::count), Some(segments.len() + 2));
    }
}
