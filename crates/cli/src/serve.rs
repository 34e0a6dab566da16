use std::process::ExitCode;

use tokio::net::TcpListener;
use tollbridge_gateway::{Gateway, Options};

use crate::arguments::{ServeOptions, Sources};
use crate::failure::Failure;
use crate::{load, signals};

pub(crate) async fn run(sources: &Sources, arguments: &ServeOptions) -> Result<ExitCode, Failure> {
    let (client, config) = load::client(sources)?;
    let address = arguments.listen.unwrap_or(config.server.listen);
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::usage(format!("cannot listen on {address}: {error}; choose another address with --listen"))
    })?;
    let address = listener.local_addr()?;
    let mut options = Options::default();
    options.body_limit = config.server.body_limit;
    options.strict = config.server.strict;
    options.drain = config.server.drain_timeout;
    let providers: Vec<_> = client.providers().map(|provider| provider.info().name.clone()).collect();
    let stop = signals::stop();
    // The one line that scripts wait for; from here on a signal drains instead of killing.
    println!("tollbridge listening on http://{address} (providers: {})", providers.join(", "));
    Gateway::new(client, options).serve(listener, stop).await?;
    Ok(ExitCode::SUCCESS)
}
