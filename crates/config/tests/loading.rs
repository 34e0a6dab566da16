//! Configuration as people write it, over kinds of providers that exist for these tests alone.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tollbridge_config::{Config, KEYS, Loader, PriceSource, Problems, Row, infer};
use tollbridge_core::{
    Currency, Error, ErrorKind, Money, OptionSpec, Provider, ProviderSettings, Registration, Registry, Transport,
};

fn build(_: &Registration, _: ProviderSettings, _: Arc<dyn Transport>) -> Result<Arc<dyn Provider>, Error> {
    Err(Error::new(ErrorKind::Config, "these kinds are never built"))
}

const AZURE: &[OptionSpec] = &[
    OptionSpec::new("api_version", "", &["AZURE_OPENAI_API_VERSION"]),
    OptionSpec::new("client_secret", "", &["AZURE_CLIENT_SECRET"]).secret(),
];

fn registry() -> Registry {
    let mut registry = Registry::default();
    let kinds = [
        Registration::new("openai", "", build)
            .base_url("https://api.openai.com/v1")
            .key_env(&["OPENAI_API_KEY"])
            .base_env(&["OPENAI_BASE_URL"]),
        Registration::new("xai", "", build)
            .aliases(&["grok"])
            .base_url("https://api.x.ai/v1")
            .key_env(&["XAI_API_KEY", "GROK_API_KEY"]),
        Registration::new("moonshot", "", build)
            .aliases(&["kimi"])
            .base_url("https://api.moonshot.cn/v1")
            .key_env(&["MOONSHOT_API_KEY"]),
        Registration::new("deepseek", "", build).base_url("https://api.deepseek.com").key_env(&["DEEPSEEK_API_KEY"]),
        Registration::new("gemini", "", build)
            .aliases(&["google", "google_genai"])
            .base_url("https://g.example")
            .key_env(&["GEMINI_API_KEY"]),
        Registration::new("azure", "", build)
            .aliases(&["azure_openai"])
            .base_env(&["AZURE_OPENAI_ENDPOINT"])
            .key_env(&["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"])
            .options(AZURE),
        Registration::new("ollama", "", build)
            .base_url("http://127.0.0.1:11434")
            .base_env(&["OLLAMA_BASE_URL"])
            .keyless(),
        Registration::new("echo", "", build).keyless().always_on(),
    ];
    for kind in kinds {
        registry.register(kind).unwrap();
    }
    registry
}

fn load(file: Option<(&str, &str)>, environment: &[(&str, &str)], arguments: &[&str]) -> Result<Config, Problems> {
    let registry = registry();
    let folder = tempfile::tempdir().unwrap();
    let mut loader = Loader::new(&registry).env(environment.iter().copied()).arguments(arguments.iter().copied());
    if let Some((name, text)) = file {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        loader = loader.file(path);
    }
    loader.load()
}

fn problems(name: &str, text: &str, environment: &[(&str, &str)]) -> String {
    let told = load(Some((name, text)), environment, &[]).unwrap_err().to_string();
    told.lines()
        .map(|line| line.find(name).map_or(line, |at| line.get(at..).unwrap_or(line)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn shown(config: &Config) -> String {
    let row = |row: &Row| {
        let source = row.source.to_string();
        let source =
            source.find("tollbridge.").map_or(source.as_str(), |at| source.get(at..).unwrap_or_default()).to_owned();
        format!("{} = {} ({source})", row.key, row.value)
    };
    config.describe().iter().map(row).collect::<Vec<_>>().join("\n")
}

const FILE: &str = r#"
[server]
listen = "127.0.0.1:5000"
body_limit = "5MB"

[timeouts]
idle = "90s"

[aliases]
main = "openai/gpt-5"
planner = "main"

[providers.openai]
api_key = "${KEY}"
models = ["gpt-5"]
headers = { x-team = "a" }
timeouts = { idle = 7 }

[providers.house]
kind = "azure"
base_url = "${HOUSE:-https://house.example}"
api_key = 12345
api_version = 2024
enabled = false
"#;

#[test]
fn sources_lie_over_each_other_and_are_shown() {
    let environment =
        [("KEY", "sk-1"), ("TOLLBRIDGE_SERVER__LISTEN", "127.0.0.1:6000"), ("TOLLBRIDGE_TIMEOUTS__TOTAL", "2m")];
    let config = load(Some(("tollbridge.toml", FILE)), &environment, &["server.listen=127.0.0.1:7000"]).unwrap();
    insta::assert_snapshot!(shown(&config));
    assert_eq!(config.aliases["planner"], "main");
    let house = config.providers.iter().find(|provider| provider.settings.name == "house").unwrap();
    assert_eq!(house.settings.api_key.as_ref().unwrap().expose(), "12345");
    assert_eq!(house.settings.option("api_version"), Some("2024"));
    let config = load(Some(("tollbridge.toml", FILE)), &environment[..2], &[]).unwrap();
    assert_eq!(config.server.listen.port(), 6000);
    let config = load(Some(("tollbridge.toml", FILE)), &environment[..1], &[]).unwrap();
    assert_eq!(config.server.listen.port(), 5000);
}

#[test]
fn the_three_formats_say_the_same() {
    let toml = "[server]\nbody_limit = 5\n[providers.openai]\napi_key = \"k\"\n[aliases]\nmain = \"openai/m\"\n";
    let yaml = "server:\n  body_limit: 5\nproviders:\n  openai:\n    api_key: k\naliases:\n  main: openai/m\n";
    let json =
        r#"{"server": {"body_limit": 5}, "providers": {"openai": {"api_key": "k"}}, "aliases": {"main": "openai/m"}}"#;
    let values = |name: &str, text: &str| {
        let config = load(Some((name, text)), &[], &[]).unwrap();
        config.describe().iter().map(|row| format!("{}={}", row.key, row.value)).collect::<Vec<_>>()
    };
    let first = values("a.toml", toml);
    assert_eq!(values("a.yaml", yaml), first);
    assert_eq!(values("a.json", json), first);
}

#[test]
fn all_problems_come_at_once_with_file_line_and_key() {
    let file = r#"
[sever]
[server]
listen = "somewhere"
body_limit = "much"
drain = 5
[timeouts]
idle = 0
connect = "soon"
[aliases]
a = "b"
b = "a"
c = "nobody/m"
d = "opnai"
[providers.opanai]
[providers.openai]
api_kye = "k"
api_key = "${NOT_SET}"
enabled = "perhaps"
[providers.deepseek]
timeouts = { iddle = 5 }
[providers.azure]
api_key = "${OPEN"
api_verson = "x"
models = 5
"#;
    insta::assert_snapshot!(problems("tollbridge.toml", file, &[]));
}

#[test]
fn aliases_with_a_star_and_choices_of_names_are_checked_with_their_line() {
    let good = "[server]\nreply_model = \"asked\"\nbare_models = true\ndefault_provider = \"google\"\n\
                cors_origins = [\"http://Localhost:5173\", \"*\"]\n\
                [providers.gemini]\napi_key = \"k\"\n[aliases]\n\"g-*\" = \"gemini/*\"\n\"x-*\" = \"g-*\"\n";
    let config = load(Some(("a.toml", good)), &[], &[]).unwrap();
    let rows = config.describe().iter().filter(|row| row.key.starts_with("aliases") || row.key.contains("_model"));
    let place = |row: &Row| row.source.to_string().rsplit('/').next().unwrap().to_owned();
    let rows = rows.map(|row| format!("{} = {} ({})", row.key, row.value, place(row))).collect::<Vec<_>>();
    insta::assert_snapshot!(rows.join("\n"));
    assert_eq!(config.server.cors_origins, ["http://localhost:5173", "*"]);
    assert_eq!(config.server.default_provider.as_deref(), Some("google"));
    let wrong = r#"
[server]
reply_model = "mine"
default_provider = "openai"
cors_origins = ["localhost:5173", "http://localhost:5173/", 5]
[providers.gemini]
api_key = "k"
[aliases]
"a-*" = "b-*"
"b-*" = "a-*"
c = "gemini/*"
"gemini/*" = "c"
"google/x-*" = "c"
"d-*-*" = "gemini/*"
"e-*" = "openai/*"
"f-*" = "nothing-*"
"#;
    insta::assert_snapshot!(problems("a.toml", wrong, &[]));
    let origins = "[server]\ncors_origins = \"localhost:5173, http://localhost:5173/\"\n";
    insta::assert_snapshot!(problems("a.toml", origins, &[]));
}

#[test]
fn broken_files_are_told_with_their_line() {
    let told = [
        problems("a.toml", "[server]\nlisten = \n", &[]),
        problems("a.yaml", "server:\n  listen: [\n", &[]),
        problems("a.json", "{\n \"server\": }", &[]),
        problems("a.ini", "x=1", &[]),
        problems("a.json", "[]", &[]),
        problems("a.yaml", "server:\n  listen: 5\nproviders:\n  openai:\n    api_key: k\n    kye: 1\n", &[]),
        problems(
            "a.json",
            "{\"aliases\": {\"kind\": \"openai/x\"},\n\"providers\": {\"openai\": {\n\"api_key\": \"k\",\n\"kind\": \"nonsense\"}}}",
            &[],
        ),
        load(None, &[("TOLLBRIDGE_SERVER__LITSEN", "x"), ("TOLLBRIDGE_TIMEOUTS__IDLE", "-5")], &["nonsense"])
            .unwrap_err()
            .to_string(),
    ];
    insta::assert_snapshot!(told.join("\n---\n"));
    let registry = registry();
    let error = Loader::new(&registry).file("does/not/exist.toml").load().unwrap_err().to_string();
    assert!(error.starts_with("does/not/exist.toml: the file cannot be read"), "{error}");
}

#[test]
fn without_a_file_the_environment_decides() {
    let on = |environment: &[(&str, &str)]| {
        let config = load(None, environment, &[]).unwrap();
        (config.providers.iter().map(|provider| provider.settings.name.clone()).collect::<Vec<_>>(), config.warnings)
    };
    assert_eq!(on(&[]), (vec!["echo".to_owned()], vec![]));
    assert_eq!(on(&[("OPENAI_API_KEY", ""), ("OLLAMA_BASE_URL", "http://x")]).0, ["echo", "ollama"]);
    let (names, warnings) = on(&[("XAI_API_KEY", "a"), ("GROK_API_KEY", "b"), ("AZURE_API_KEY", "c")]);
    assert_eq!(names, ["echo", "xai"]);
    insta::assert_snapshot!(warnings.join("\n"), @r"
    the key of `azure` is set but not where it is; set AZURE_OPENAI_ENDPOINT to turn it on
    XAI_API_KEY and GROK_API_KEY differ; XAI_API_KEY is taken
    ");
}

#[test]
fn each_kind_gets_only_its_own_key() {
    let registry = registry();
    let variables: Vec<&str> = registry.iter().flat_map(|kind| kind.key_env).copied().collect();
    let mut environment: Vec<(&str, &str)> = variables.iter().map(|name| (*name, *name)).collect();
    environment.push(("AZURE_OPENAI_ENDPOINT", "https://house.example"));
    let config = load(None, &environment, &[]).unwrap();
    for provider in &config.providers {
        let key = provider.settings.api_key.as_ref().map(|key| key.expose().to_owned());
        let own: Vec<_> = provider.registration.key_env.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(key, own.first().cloned(), "{}", provider.settings.name);
    }
    // A second provider elsewhere does not get the kind's key.
    let file = "[providers.eu]\nkind = \"openai\"\nbase_url = \"https://elsewhere.example\"\n";
    let told = problems("a.toml", file, &[("OPENAI_API_KEY", "k")]);
    assert_eq!(
        told,
        "a.toml:1: the provider `eu` has no key; set `api_key`: the kind's variables are not sent to another address"
    );
    let config =
        load(Some(("a.toml", "[providers.second]\nkind = \"openai\"\n")), &[("OPENAI_API_KEY", "k")], &[]).unwrap();
    let names: Vec<_> = config.providers.iter().map(|provider| provider.settings.name.as_str()).collect();
    assert_eq!(names, ["echo", "openai", "second"]);
}

#[test]
fn secret_options_are_masked_and_stay_with_their_vendor() {
    let environment =
        [("AZURE_CLIENT_SECRET", "hush-hush"), ("AZURE_API_KEY", "k"), ("AZURE_OPENAI_ENDPOINT", "https://a.example")];
    let file = "[providers.other]\nkind = \"azure\"\nbase_url = \"https://b.example\"\napi_key = \"k\"\n";
    let config = load(Some(("a.toml", file)), &environment, &[]).unwrap();
    let secret = |name: &str| {
        let provider = config.providers.iter().find(|provider| provider.settings.name == name).unwrap();
        provider.settings.option("client_secret").map(str::to_owned)
    };
    assert_eq!((secret("azure"), secret("other")), (Some("hush-hush".to_owned()), None));
    let file = "[providers.azure]\nclient_secret = \"hush-hush\"\n";
    let written = load(Some(("a.toml", file)), &environment, &[]).unwrap();
    for config in [config, written] {
        assert!(shown(&config).contains("providers.azure.client_secret"), "{}", shown(&config));
        assert!(!format!("{config:?} {}", shown(&config)).contains("hush-hush"));
    }
}

#[test]
fn loose_descriptions_are_understood_and_explained() {
    let registry = registry();
    let rows = [
        (None, "grok-4", None),
        (None, "Moonshot-v1-8k", None),
        (None, "kimi-k2", None),
        (None, "deepseek-chat", None),
        (None, "deepseek/deepseek-chat", None),
        (None, "azure:gpt-4o-mini", None),
        (None, "openai/gpt-4o", None),
        (None, "gpt-4o", None),
        (Some("kimi"), "x", None),
        (Some("Grok"), "x", None),
        (Some("google_genai"), "gemini-3", None),
        (Some("azure_openai"), "azure:gpt-4o", None),
        (Some("openai"), "m", Some("https://kimi-proxy.corp/v1")),
        (Some("unheard"), "m", None),
        (None, "m", Some("https://api.deepseek.com/v1")),
        (None, "m", Some("https://res.openai.azure.com")),
        (None, "m", Some("https://my-azure-proxy.corp")),
        (None, "m", Some("https://api.x.ai:443/v1")),
        (None, "m", Some("https://evil-x.ai/v1")),
    ];
    let told = rows.map(|(provider, model, base)| {
        let found = infer(provider, model, base, &registry);
        format!("{provider:?} {model} {base:?} → {:?} {} because {}", found.provider, found.model, found.reason)
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_data_directory_is_an_argument_a_variable_a_key_or_the_systems_own() {
    let file = Some(("a.toml", "[usage]\ndir = \"/file\"\n"));
    let variable = ("TOLLBRIDGE_USAGE_DIR", "/variable");
    let (data, home) = (("XDG_DATA_HOME", "/data"), ("HOME", "/home"));
    let rows: [(_, &[_], &[&str]); 7] = [
        (file, &[variable, data], &["usage.dir=/argument"]),
        (file, &[variable, data], &[]),
        (file, &[("TOLLBRIDGE_USAGE_DIR", ""), data], &[]),
        (None, &[data, home], &[]),
        (None, &[("XDG_DATA_HOME", "not/absolute"), home], &[]),
        (None, &[home], &[]),
        (None, &[], &[]),
    ];
    let told = rows.map(|(file, environment, arguments)| {
        let config = load(file, environment, arguments).unwrap();
        let row = config.describe().iter().find(|row| row.key == "usage.dir").unwrap();
        let source = row.source.to_string();
        assert_eq!(row.value, config.usage.dir.to_str().unwrap());
        format!("{} ({})", row.value, source.rsplit('/').next().unwrap())
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    /argument (argument usage.dir)
    /variable (environment variable TOLLBRIDGE_USAGE_DIR)
    /file (a.toml:2)
    /data/tollbridge (default)
    /home/.local/share/tollbridge (default)
    /home/.local/share/tollbridge (default)
    .tollbridge (default)
    ");
}

#[test]
fn prices_are_in_a_file_or_at_an_address() {
    let prices = |place: &str| load(None, &[], &[&format!("usage.prices={place}")]);
    assert_eq!(prices("p.toml").unwrap().usage.prices, Some(PriceSource::File("p.toml".into())));
    let config = prices("https://example.com/prices?token=hush").unwrap();
    assert_eq!(config.usage.prices, Some(PriceSource::Address("https://example.com/prices?token=hush".to_owned())));
    assert!(!format!("{config:?} {}", shown(&config)).contains("hush"));
    let told = ["https://", "http://ann:pass@example.com/p", "ftp://example.com/p"]
        .map(|place| prices(place).unwrap_err().to_string());
    insta::assert_snapshot!(told.join("\n"), @r"
    argument usage.prices: `usage.prices` has no host; write it as https://example.com/prices.json
    argument usage.prices: `usage.prices` holds a user or a password, which are not sent; leave them out, or fetch the prices into a file
    argument usage.prices: `usage.prices` is an address of neither https nor http; write it as https://example.com/prices.json
    ");
}

#[test]
fn exchange_rates_are_exact_and_never_floats() {
    let file = Some(("a.toml", "[usage.rates]\nCNY = \"0.14\"\nKWD = 3\n"));
    let rates = load(file, &[("TOLLBRIDGE_USAGE__RATES__CNY", "0.15")], &["usage.rates.EUR=1.08"]).unwrap().usage.rates;
    let told = ["CNY", "KWD", "EUR", "CHF"].map(|code| {
        let unit = Money::from_pico(1_000_000_000_000, Currency::from_code(code).unwrap());
        rates.usd(unit).map_or("none".to_owned(), |usd| usd.to_string())
    });
    assert_eq!(told, ["0.15 USD", "3 USD", "1.08 USD", "none"]);
    assert!(load(None, &[], &[]).unwrap().usage.rates.is_empty());
    let wrong = "[usage.rates]\nCNY = 0.14\nEUR = \"-1\"\nUSD = \"1\"\nyuan = \"0.14\"\nGBP = \"1e9\"\nCHF = true\n";
    insta::assert_snapshot!(problems("a.toml", wrong, &[]), @r#"
    a.toml:2: `usage.rates.CNY`: a rate is no float; write it in quotes: "0.14"
    a.toml:3: `usage.rates.EUR`: `-1` is no exchange rate; write how many US dollars one unit is, from 0.000000001 to 1000000, in quotes: "0.14"
    a.toml:4: `usage.rates.USD`: a dollar is a dollar; leave it out
    a.toml:5: `usage.rates.yuan` names no currency; write a code of three letters such as CNY
    a.toml:6: `usage.rates.GBP`: `1e9` is no exchange rate; write how many US dollars one unit is, from 0.000000001 to 1000000, in quotes: "0.14"
    a.toml:7: `usage.rates.CHF`: `true` is no exchange rate; write how many US dollars one unit is, from 0.000000001 to 1000000, in quotes: "0.14"
    "#);
}

#[test]
fn the_reference_page_has_every_key() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md")).unwrap();
    for key in KEYS {
        let last = key.rsplit('.').next().unwrap();
        assert!(page.contains(&format!("`{last}`")) || page.contains(&format!("`{key}`")), "{key}");
    }
}

proptest! {
    #[test]
    fn no_secret_is_ever_shown(secret in "[A-Za-z0-9]{12,30}", wrong: bool) {
        let extra = if wrong { "api_kye = 1\n" } else { "" };
        let file = format!("[providers.openai]\napi_key = \"{secret}\"\nheaders = {{ authorization = \"{secret}\" }}\n{extra}");
        let shown = match load(Some(("a.toml", &file)), &[("XAI_API_KEY", &secret)], &[]) {
            Ok(config) => format!("{config:?} {}", shown(&config)),
            Err(problems) => format!("{problems} {problems:?}"),
        };
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}

#[test]
fn what_is_said_of_a_model_is_read_shown_and_checked() {
    let text = r#"
[providers.ollama.models."llama3.3"]
base_model = "llama-3.3-70b"
context_window = 128000
[providers.ollama.models."llama3.3".thinking]
forms = ["switch"]
"#;
    let config = load(Some(("tollbridge.toml", text)), &[], &[]).unwrap();
    let ollama = config.providers.iter().find(|provider| provider.settings.name == "ollama").unwrap();
    let profile =
        config.profiles.profile("ollama", "ollama.chat", "llama3.3", Some(&ollama.settings.models[0].profile));
    assert_eq!((profile.name.as_str(), profile.limits.context), ("llama-3.3-70b", Some(128_000)));
    assert!(
        shown(&config).contains("providers.ollama.models.llama3.3.thinking.forms = [\"switch\"] (tollbridge.toml:6)")
    );
    let bad = text.replace("forms = [\"switch\"]", "forms = [\"sometimes\"]\nbugdet = 3");
    insta::assert_snapshot!(problems("tollbridge.toml", &bad, &[]), @r"
    tollbridge.toml:6: `thinking.forms` of the model `llama3.3`: unknown variant `sometimes`, expected one of `budget`, `adaptive`, `effort`, `switch`
    tollbridge.toml:7: `thinking.bugdet` of the model `llama3.3`: unknown field `bugdet`, expected one of `forms`, `efforts`, `budget`, `below_output`, `off`, `off_efforts`, `on_by_default`, `shown_on_request`, `forced_tools`, `field`
    ");
}

#[test]
fn what_cannot_hold_of_a_model_is_refused_with_its_remedy() {
    let text = r#"
[providers.openai.models."gpt-4o"]
context_window = 1000
[providers.openai.models."gpt-4o".limits]
context = 2000
[providers.openai.models."gpt-4o-mini".limits]
output = 500000
[providers.openai.models."gpt-4.1".limits]
output = 0
[providers.openai.models.o3.thinking]
efforts = ["low", "lowest"]
"#;
    let key = [("OPENAI_API_KEY", "sk-test-1")];
    insta::assert_snapshot!(problems("tollbridge.toml", text, &key), @r"
    tollbridge.toml:3: `context_window` says 1000, and `limits.context` says 2000; leave one of them out
    tollbridge.toml:7: `limits.output` of the model `gpt-4o-mini`: 500000 is larger than the window of 128000 tokens; give a smaller limit, or `limits.context` too
    tollbridge.toml:9: `limits.output` of the model `gpt-4.1`: 0 leaves no room for a token; leave the key out, or give the model's limit
    tollbridge.toml:11: `thinking.efforts` of the model `o3`: there is no level `lowest`; there are none, minimal, low, medium, high, xhigh, max
    ");
    // A window that is smaller than the model's own limit is what a server has room for.
    let small = "[providers.openai.models.gpt-4o]\ncontext_window = 8000\n";
    load(Some(("tollbridge.toml", small)), &key, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("profiles.toml");
    let place = rules.display().to_string();
    let rule = "\n[[rule]]\nabout = \"one\"\nvendors = [\"openai\", \"grok\"]\nsource = \"a page\"\n[rule.limits]\noutput = 9\n";
    std::fs::write(&rules, rule).unwrap();
    let told = problems("tollbridge.toml", &format!("profiles = \"{place}\"\n"), &[]).replace(&place, "profiles.toml");
    insta::assert_snapshot!(told, @"profiles.toml:2: `vendors`: there is no kind of provider `grok`; there are azure, deepseek, echo, gemini, moonshot, ollama, openai, xai");
}

#[test]
fn a_users_own_rules_are_read_and_contradictions_are_told_with_both_sources() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("profiles.toml");
    let place = rules.display().to_string();
    let rule = |about: &str, output: u64| {
        format!(
            "[[rule]]\nabout = \"{about}\"\nmodels = [\"ours\"]\nsource = \"{about} page\"\n[rule.limits]\noutput = {output}\n"
        )
    };
    std::fs::write(&rules, rule("one", 1000)).unwrap();
    let file = format!("profiles = \"{place}\"\n[providers.ollama.models.ours]\nmax_tokens = 1000\n");
    let config = load(Some(("tollbridge.toml", &file)), &[], &[]).unwrap();
    assert_eq!(config.profiles.profile("ollama", "", "ours", None).limits.output, Some(1000));
    let other = file.replace("1000", "2000");
    let told = problems("tollbridge.toml", &other, &[]).replace(&place, "profiles.toml");
    insta::assert_snapshot!(told, @"tollbridge.toml:2: `limits.output` of the model `ours`: 2000 contradicts rule 1 of profiles.toml, which says 1000");
    std::fs::write(&rules, rule("one", 1000) + &rule("two", 2000) + "[rule.thinking]\nbudget = [5, 3]\n").unwrap();
    let told = problems("tollbridge.toml", &file, &[]).replace(&place, "profiles.toml");
    insta::assert_snapshot!(told, @r"
    profiles.toml:7: `thinking.budget`: the least budget is larger than the greatest; docs/profiles.md has the keys of a rule
    profiles.toml:7: `limits.output`: 2000 for `ours` contradicts rule 1, which says 1000; sources: two page and one page; docs/profiles.md has the keys of a rule
    ");
    let missing = file.replace("profiles.toml", "none.toml");
    assert!(problems("tollbridge.toml", &missing, &[]).contains("cannot be read"));
}
