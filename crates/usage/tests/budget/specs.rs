use tollbridge_core::Error;
use tollbridge_usage::budget::{Amount, Budget, BudgetSpec, Budgets, Scope, Spending};

use std::sync::Arc;

fn problem(toml: &str) -> String {
    match toml::from_str::<BudgetSpec>(&toml.replace("; ", "\n")) {
        Ok(spec) => Budget::try_from(spec).unwrap_err().to_string(),
        Err(error) => error.message().to_owned(),
    }
}

#[test]
fn what_is_wrong_is_told_with_its_field_and_the_way_out() {
    let problems = [
        r#"name = " "; scope = "global"; usd = "1"; window = "day""#,
        r#"name = "a"; scope = "globe"; usd = "1"; window = "day""#,
        r#"name = "a"; scope = "tag:"; usd = "1"; window = "day""#,
        r#"name = "a"; scope = "global"; usd = 1.5; window = "day""#,
        r#"name = "a"; scope = "global"; usd = "1,5"; window = "day""#,
        r#"name = "a"; scope = "global"; usd = "-1"; window = "day""#,
        r#"name = "a"; scope = "global"; window = "day""#,
        r#"name = "a"; scope = "global"; usd = "1"; tokens = 1; window = "day""#,
        r#"name = "a"; scope = "global"; usd = "1""#,
        r#"name = "a"; scope = "global"; usd = "1"; window = "fortnight""#,
        r#"name = "a"; scope = "global"; usd = "1"; window = "0h""#,
        r#"name = "a"; scope = "global"; usd = "1"; window = "day"; zone = "Europe/Bonn""#,
        r#"name = "a"; scope = "global"; usd = "1"; window = "day"; warn = [0]"#,
        r#"name = "a"; scope = "global"; usd = "1"; window = "day"; of = "x""#,
        r#"name = "a"; scope = "global"; usd = "1"; window = "day"; limit = "x""#,
    ];
    let told: Vec<_> = problems.into_iter().map(|toml| format!("{toml}\n  {}", problem(toml))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn two_budgets_of_one_name_are_refused() {
    struct Nothing;
    impl Spending for Nothing {
        fn spent(&self, _: &Scope, _: &str, _: u64, _: u64) -> Amount {
            Amount::default()
        }
    }
    let budget = || crate::setup::budget(r#"name = "a"; scope = "global"; usd = 2; window = "1w""#);
    let error: Error = Budgets::new(vec![budget(), budget()], Arc::new(Nothing), Arc::new(|| 0)).unwrap_err();
    assert_eq!(error.to_string(), "two budgets have the `name` `a`; rename one of them");
}
