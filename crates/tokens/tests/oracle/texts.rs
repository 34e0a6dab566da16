use serde_json::Value;
use tollbridge_tokens::Encoding;

use crate::rows;

#[test]
fn every_text_has_the_tokens_of_its_encoding() {
    let mut wrong = Vec::new();
    for row in rows::read("token_vectors.jsonl") {
        let encoding = Encoding::known(row["encoding"].as_str().unwrap()).unwrap();
        let text = row["text"].as_str().unwrap();
        let ordinary = row["mode"] == "ordinary";
        let ids = if ordinary { encoding.encode(text) } else { encoding.encode_with_special(text) };
        let expected = row["ids"].as_array().map(|ids| ids.iter().filter_map(Value::as_u64).collect::<Vec<_>>());
        let same = expected.is_none_or(|expected| ids.iter().copied().map(u64::from).eq(expected));
        if row["count"].as_u64() != Some(ids.len() as u64) || !same {
            wrong.push(format!("{} {}: {} for {}", row["id"], row["kind"], ids.len(), row["count"]));
        }
        assert_eq!(encoding.decode(&ids), text.as_bytes(), "{}", row["id"]);
        if ordinary {
            assert_eq!(encoding.count(text), ids.len() as u64, "{}", row["id"]);
        }
    }
    assert!(wrong.is_empty(), "{} rows: {wrong:#?}", wrong.len());
}
