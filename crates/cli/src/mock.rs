use std::net::SocketAddr;
use std::process::ExitCode;

use serde_json::json;
use tollbridge_testkit::{Kind, Script, Upstream, UsageMode};

use crate::arguments::MockOptions;
use crate::failure::Failure;
use crate::signals;

pub(crate) async fn run(options: &MockOptions) -> Result<ExitCode, Failure> {
    let kinds = kinds(&options.kinds)?;
    let stop = signals::stop();
    let mut running = Vec::new();
    for (place, kind) in kinds.into_iter().enumerate() {
        let mut builder = Upstream::from_env(kind, |name| std::env::var(name).ok()).map_err(Failure::usage)?;
        if let Some(address) = options.listen {
            builder = builder.listen(nth(address, place)?);
        }
        if let Some(model) = &options.model {
            builder = builder.model(model);
        }
        if let Some(target) = &options.target {
            builder = builder.target(target);
        }
        let usage = match options.usage.as_str() {
            "constant" => UsageMode::Constant,
            "omit" => UsageMode::Omit,
            _ => UsageMode::True,
        };
        builder = builder.seed(options.seed).strict(options.strict).usage(usage);
        if let Some(path) = &options.script {
            let problem =
                |error: &dyn std::fmt::Display| Failure::usage(format!("--script {}: {error}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| problem(&error))?;
            builder = builder.steps(Script::read(&text).map_err(|error| problem(&error))?);
        }
        let upstream = builder.start().await.map_err(|error| Failure::usage(error.to_string()))?;
        if options.json {
            println!("{}", json!({"mock": kind.as_str(), "url": upstream.url(), "port": upstream.address().port()}));
        } else {
            println!("mock {kind} listening on {}", upstream.url());
        }
        running.push(upstream);
    }
    stop.await;
    Ok(ExitCode::SUCCESS)
}

fn kinds(names: &[String]) -> Result<Vec<Kind>, Failure> {
    if names.iter().any(|name| name == "all") {
        return Ok(Kind::ALL.to_vec());
    }
    names.iter().map(|name| name.parse().map_err(Failure::usage)).collect()
}

fn nth(address: SocketAddr, place: usize) -> Result<SocketAddr, Failure> {
    if address.port() == 0 {
        return Ok(address);
    }
    let port = u16::try_from(place).ok().and_then(|place| address.port().checked_add(place));
    let port = port.ok_or_else(|| Failure::usage("--listen: there are not enough ports behind that one"))?;
    Ok(SocketAddr::new(address.ip(), port))
}
