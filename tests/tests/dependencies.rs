//! The shape of the tree: who may depend on what, and how many crates each brings in.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::collections::BTreeSet;
use std::process::Command;

fn tree(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--edges", "normal", "--prefix", "none", "--offline", "--format", "{p}"]).args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn core_stays_small_and_knows_no_client() {
    let tree = tree(&["--package", "tollbridge-core"]);
    let others: Vec<_> = tree.iter().filter(|name| !name.starts_with("tollbridge")).collect();
    assert!(others.len() < 20, "what core brings in: {others:?}");
    for name in ["reqwest", "hyper", "axum", "figment", "url"] {
        assert!(!tree.contains(name), "{name}");
    }
}

#[test]
fn each_library_is_named_by_one_crate() {
    for (library, owner) in
        [("reqwest", "tollbridge-transport"), ("rustls", "tollbridge-transport"), ("figment", "tollbridge-config")]
    {
        let mut owners = Vec::new();
        for folder in ["crates", "providers", "examples"] {
            for entry in std::fs::read_dir(format!("{}/../{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
                let manifest = std::fs::read_to_string(entry.unwrap().path().join("Cargo.toml")).unwrap();
                if manifest.lines().any(|line| line.starts_with(&format!("{library}."))) {
                    let name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
                    owners.push(name.trim_matches('"').to_owned());
                }
            }
        }
        assert_eq!(owners, [owner], "{library}");
    }
}

#[test]
fn arrows_point_down_only() {
    let layers: &[&[&str]] = &[
        &["tollbridge-types", "tollbridge-profiles"],
        &["tollbridge-core"],
        &["tollbridge-protocol", "tollbridge-transport", "tollbridge-config", "tollbridge-tokens"],
        &["tollbridge-usage"],
        &["tollbridge-provider"],
        &[
            "tollbridge-openai",
            "tollbridge-anthropic",
            "tollbridge-gemini",
            "tollbridge-azure",
            "tollbridge-bedrock",
            "tollbridge-openai-compatible",
            "tollbridge-cohere",
            "tollbridge-mistral",
            "tollbridge-ollama",
            "tollbridge-vertex",
            "tollbridge-echo",
        ],
        &["tollbridge"],
        &["tollbridge-gateway"],
        &["tollbridge-cli"],
    ];
    for (height, layer) in layers.iter().enumerate() {
        for package in *layer {
            let tree = tree(&["--package", package, "--all-features"]);
            let above = layers[height..].iter().flat_map(|layer| layer.iter()).filter(|other| *other != package);
            let wrong: Vec<_> = above.filter(|other| tree.contains(**other)).collect();
            assert!(wrong.is_empty(), "{package} depends on {wrong:?}");
        }
    }
    let testkit = tree(&["--package", "tollbridge-testkit"]);
    assert_eq!(testkit.iter().filter(|name| name.starts_with("tollbridge")).count(), 1, "the test kit stands alone");
}

#[test]
fn a_working_client_stays_small() {
    let tree = tree(&["--package", "tollbridge", "--no-default-features", "--features", "openai"]);
    assert!(tree.len() < 110, "{} crates", tree.len());
}
