use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;
use tollbridge_core::{CallContext, Error, Layer, Operation, Protocol, Provider, ProviderInfo, Reply, Request};

use super::body;
use super::recorder::Recorder;
use super::{Deployment, Metering, OnLeave};

/// Records the attempts at one provider.
pub(super) struct AttemptLayer {
    metering: Metering,
    deployment: Arc<Deployment>,
}

impl AttemptLayer {
    pub(super) fn new(metering: Metering, deployment: Deployment) -> Self {
        Self { metering, deployment: Arc::new(deployment) }
    }
}

impl Layer for AttemptLayer {
    fn wrap(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Metered { inner, metering: self.metering.clone(), deployment: Arc::clone(&self.deployment) })
    }
}

struct Metered {
    inner: Arc<dyn Provider>,
    metering: Metering,
    deployment: Arc<Deployment>,
}

#[async_trait]
impl Provider for Metered {
    fn info(&self) -> &ProviderInfo {
        self.inner.info()
    }

    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        // A list of models is no call of one.
        if request.operation == Operation::Models {
            return self.inner.call(request, cx).await;
        }
        let client = request.wire().map(|wire| wire.protocol);
        let recorder = Recorder::new(&self.metering, &self.deployment, self.inner.info(), &request, cx)?;
        let inside = recorder.context(cx);
        let outcome = match self.metering.parts().options.on_leave {
            OnLeave::Drain(limit) => self.call_to_its_end(request, inside, &recorder, client, limit).await,
            OnLeave::Cancel => self.inner.call(request, &inside).await,
        };
        match outcome {
            Ok(reply) => Ok(body::metered(reply, client, recorder).await),
            Err(error) => {
                recorder.failed(&error).await;
                Err(error)
            }
        }
    }
}

impl Metered {
    /// Makes the call in a task of its own, which goes on for a while if the caller leaves.
    async fn call_to_its_end(
        &self,
        request: Request,
        cx: CallContext,
        recorder: &Arc<Recorder>,
        client: Option<Protocol>,
        limit: std::time::Duration,
    ) -> Result<Reply, Error> {
        let (inner, left) = (Arc::clone(&self.inner), Arc::clone(recorder));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut sender = sender;
            let call = inner.call(request, &cx);
            tokio::pin!(call);
            let mut until = None;
            let outcome = tokio::select! {
                outcome = &mut call => outcome,
                () = sender.closed() => {
                    let end = Instant::now() + limit;
                    until = Some(end);
                    match tokio::time::timeout_at(end, call).await {
                        Ok(outcome) => outcome,
                        Err(_) => return,
                    }
                }
            };
            // Nobody is there to read the answer: it is read here.
            if let Err(unread) = sender.send(outcome) {
                match unread {
                    Ok(reply) => {
                        let until = until.unwrap_or_else(|| Instant::now() + limit);
                        body::drain(body::metered(reply, client, Arc::clone(&left)).await, &left, until).await;
                    }
                    Err(error) => left.failed(&error).await,
                }
            }
        });
        receiver.await.unwrap_or_else(|_| {
            Err(Error::new(tollbridge_core::ErrorKind::Unknown, "the call ended without an outcome"))
        })
    }
}
