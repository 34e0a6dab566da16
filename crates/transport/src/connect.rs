//! How long a connection takes to stand, told to the observer of the call that needed it.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tollbridge_core::{CallContext, CallEvent};
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static TOOK: Cell<Option<Duration>>;
}

/// Waits for an answer, and tells how long its connection took, if a new one was made for it.
pub(crate) async fn timed<T>(answer: impl Future<Output = T>, cx: &CallContext) -> T {
    TOOK.scope(Cell::new(None), async {
        let answer = answer.await;
        if let Some(took) = TOOK.with(Cell::take) {
            cx.observe(CallEvent::connected(took));
        }
        answer
    })
    .await
}

/// Measures each connection that is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timer;

impl<S> Layer<S> for Timer {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed(inner)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Timed<S>(S);

impl<R, S> Service<R> for Timed<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let (began, connecting) = (Instant::now(), self.0.call(target));
        Box::pin(async move {
            let connection = connecting.await;
            // Outside of a call nobody waits for it: another connection was free first.
            let _ = TOOK.try_with(|took| took.set(Some(began.elapsed())));
            connection
        })
    }
}
