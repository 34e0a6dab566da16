//! A user's own price file.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::path::PathBuf;

use tollbridge_types::Usage;
use tollbridge_usage::price::{PriceBook, PriceFile, PriceFileError, Terms};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn open(&self, name: &str, text: &str) -> Result<PriceFile, PriceFileError> {
        PriceFile::open(PriceBook::embedded().clone(), self.put(name, text))
    }
}

fn cost(book: &PriceBook, provider: &str, model: &str) -> Option<String> {
    let mut usage = Usage::default();
    (usage.input, usage.output) = (Some(1_000), Some(500));
    book.bill(provider, model, &usage, &Terms::default()).cost.map(|cost| cost.to_string())
}

#[test]
fn prices_per_token_and_per_million_are_the_same() {
    let folder = Folder::new();
    let million = "[[model]]\nname = 'm'\nunit = 'million_tokens'\ninput_price = 30\noutput_price = 60.0";
    let token = r#"{"unit": "tokens", "model": [{"name": "m", "input": 0.00003, "output": "0.00006"}]}"#;
    for (name, text) in [("million.toml", million), ("token.json", token)] {
        let file = folder.open(name, text).unwrap();
        assert_eq!(cost(&file.book(), "any", "m").unwrap(), "0.06 USD", "{name}");
    }
}

#[test]
fn the_file_goes_before_the_book() {
    let file = Folder::new()
        .open("prices.toml", "[[model]]\nprovider = 'openai'\nname = 'gpt-4o'\ninput = '1'\noutput = 2")
        .unwrap();
    let book = file.book();
    assert_eq!(cost(&book, "openai", "gpt-4o").unwrap(), "0.002 USD");
    let bill = book.bill("openai", "gpt-4o", &Usage::default(), &Terms::default());
    assert_eq!(bill.book, "price file prices.toml a7c0f679");
    assert_eq!(cost(&book, "azure", "gpt-4o"), cost(PriceBook::embedded(), "azure", "gpt-4o"));
    assert_eq!(cost(&book, "openai", "gpt-4"), cost(PriceBook::embedded(), "openai", "gpt-4"));
}

#[test]
fn another_currency_stays_one() {
    let file = Folder::new()
        .open("prices.toml", "currency = 'CNY'\n[[model]]\nprovider = 'qwen'\nname = 'q'\ninput = 4\noutput = 12")
        .unwrap();
    assert_eq!(cost(&file.book(), "dashscope", "q").unwrap(), "0.01 CNY");
}

#[test]
fn tiers_thresholds_and_all_models_of_a_provider_have_prices() {
    let text = "
[[model]]
provider = 'vllm'
name = '*'
input = 0
output = 0
[[model]]
name = 'tiered'
input = 1
output = 2
batch = { input = '0.5', output = 1 }
[[model.above]]
tokens = 500
input = 3
";
    let file = Folder::new().open("prices.toml", text).unwrap();
    let book = file.book();
    assert_eq!(cost(&book, "vllm", "anything").unwrap(), "0 USD");
    assert_eq!(cost(&book, "any", "tiered").unwrap(), "0.004 USD");
}

#[test]
fn a_changed_file_is_read_again_and_a_wrong_one_is_not() {
    let folder = Folder::new();
    let row = |price: &str| format!("[[model]]\nname = 'm'\ninput = {price}\noutput = 0");
    let file = folder.open("prices.toml", &row("1")).unwrap();
    assert!(!file.refresh().unwrap());
    folder.put("prices.toml", &row("2.5"));
    assert!(file.refresh().unwrap());
    assert_eq!(cost(&file.book(), "any", "m").unwrap(), "0.0025 USD");
    folder.put("prices.toml", &row("-3.75"));
    assert!(file.refresh().is_err());
    assert_eq!(file.warning().unwrap().field(), "model[0].input");
    assert_eq!(cost(&file.book(), "any", "m").unwrap(), "0.0025 USD");
    folder.put("prices.toml", &row("5"));
    assert!(file.refresh().unwrap());
    assert_eq!(file.warning(), None);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    let folder = Folder::new();
    let wrong = [
        ("negative.toml", "[[model]]\nname = 'm'\noutput = 1\ninput = -1"),
        ("absurd.toml", "[[model]]\nname = 'm'\nunit = 'tokens'\ninput = 30"),
        ("text.toml", "[[model]]\nname = 'm'\ninput = 'cheap'"),
        ("boolean.toml", "[[model]]\nname = 'm'\ninput = true"),
        ("infinite.toml", "[[model]]\nname = 'm'\ninput = inf"),
        ("unknown.toml", "[[model]]\nname = 'm'\ninptu = 1"),
        ("nameless.toml", "[[model]]\ninput = 1"),
        ("star.toml", "[[model]]\nname = '*'\ninput = 1"),
        ("priceless.toml", "[[model]]\nname = 'm'"),
        ("twice.toml", "[[model]]\nname = 'm'\ninput = 1\n[[model]]\nname = 'm'\ninput = 2"),
        ("unit.toml", "unit = 'dozen'\n[[model]]\nname = 'm'\ninput = 1"),
        ("currency.toml", "[[model]]\nname = 'm'\ninput = 1\ncurrency = 'dollars'"),
        ("since.toml", "[[model]]\nname = 'm'\ninput = 1\nsince = 'soon'"),
        ("above.toml", "[[model]]\nname = 'm'\ninput = 1\n[[model.above]]\ninput = 2"),
        ("tier.toml", "[[model]]\nname = 'm'\ninput = 1\nflex = { input = -0.5 }"),
        ("syntax.toml", "[[model]]\nname = "),
        ("empty.toml", ""),
        ("negative.json", "{\"model\": [\n {\"name\": \"m\",\n  \"input\": -1}]}"),
        ("syntax.json", "{\"model\": [\n"),
        ("list.json", "{\"model\": 5}"),
    ];
    let told: Vec<_> = wrong
        .iter()
        .map(|(name, text)| {
            folder.open(name, text).unwrap_err().to_string().replace(&folder.0.path().display().to_string(), "")
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}
