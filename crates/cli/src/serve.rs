use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;
use tollbridge_gateway::{Gateway, Losses, Options};
use tollbridge_usage::key::KeyStore;

use crate::arguments::{ServeOptions, Sources};
use crate::failure::Failure;
use crate::{load, signals};

pub(crate) async fn run(sources: &Sources, arguments: &ServeOptions) -> Result<ExitCode, Failure> {
    let (client, config) = load::client(sources)?;
    let address = arguments.listen.unwrap_or(config.server.listen);
    let keys = KeyStore::open(&config.usage.dir)?;
    let allow_open = arguments.allow_open || config.server.allow_open;
    if !keys.required() && !allow_open && !address.ip().to_canonical().is_loopback() {
        return Err(Failure::usage(format!(
            "no key is defined, and everybody who reaches {address} could spend on your vendors' keys; make one with \
             `tollbridge key create`, listen on 127.0.0.1, or let them with --allow-open"
        )));
    }
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {address}: {error}; choose another address with --listen"))
    })?;
    let address = listener.local_addr()?;
    let mut options = Options::default();
    options.body_limit = config.server.body_limit;
    options.strict = config.server.strict;
    options.losses = if config.server.new_losses { Losses::New } else { Losses::All };
    options.stream_cost = config.server.stream_cost;
    options.drain = config.server.drain_timeout;
    options.allow_open = allow_open;
    options.reply_model = config.server.reply_model;
    options.cors_origins.clone_from(&config.server.cors_origins);
    options.state_cache_size = config.server.state_cache_size;
    options.state_cache_ttl = config.server.state_cache_ttl;
    let note = match (keys.required(), allow_open) {
        (true, _) => None,
        (false, true) => Some("no key is defined: everybody who reaches the gateway is answered"),
        (false, false) => Some("no key is defined: only this machine is answered; see `tollbridge key create --help`"),
    };
    options.keys = Some(Arc::new(keys));
    let providers: Vec<_> = client.providers().map(|provider| provider.info().name.clone()).collect();
    let stop = signals::stop();
    // The one line that scripts wait for; from here on a signal drains instead of killing.
    println!("tollbridge listening on http://{address} (providers: {})", providers.join(", "));
    if let Some(note) = note {
        eprintln!("{note}");
    }
    Gateway::new(client, options).serve(listener, stop).await?;
    Ok(ExitCode::SUCCESS)
}
