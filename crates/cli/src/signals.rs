use std::future::Future;

/// Begins to listen for Ctrl-C and for the signal by which service managers stop a process.
///
/// From the moment this returns neither kills the process; the future is done when one has come.
#[cfg(unix)]
pub(crate) fn stop() -> impl Future<Output = ()> + Send + 'static {
    use tokio::signal::unix::{SignalKind, signal};

    let listen = |kind| {
        let mut stream = signal(kind).ok();
        async move {
            match &mut stream {
                Some(stream) => drop(stream.recv().await),
                // Without a handler the signal keeps its usual effect.
                None => std::future::pending().await,
            }
        }
    };
    let (interrupt, terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    async move {
        tokio::select! {
            () = interrupt => {}
            () = terminate => {}
        }
    }
}

/// Begins to listen for Ctrl-C; the future is done when it has come.
#[cfg(not(unix))]
pub(crate) fn stop() -> impl Future<Output = ()> + Send + 'static {
    async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
