use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tollbridge_core::{CallContext, Cancellation, Error, ErrorKind, TimeoutPhase, Timeouts};

/// Holds one attempt to its time limits and to its caller's will.
pub(crate) struct Guard {
    cancellation: Cancellation,
    first_byte: Instant,
    idle: Duration,
    end: Option<Instant>,
    timeouts: Timeouts,
}

impl Guard {
    pub(crate) fn new(timeouts: Timeouts, cx: &CallContext) -> Self {
        let now = Instant::now();
        let total = timeouts.total.map(|total| now + total);
        let end = total.into_iter().chain(cx.deadline.map(Instant::from_std)).min();
        Self {
            cancellation: cx.cancellation.clone(),
            first_byte: now + timeouts.first_byte,
            idle: timeouts.idle,
            end,
            timeouts,
        }
    }

    /// Lets the time for the first byte begin now that the request is sent.
    pub(crate) fn sent(&mut self) {
        self.first_byte = Instant::now() + self.timeouts.first_byte;
    }

    pub(crate) async fn while_sending<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.cancellation.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")),
            done = work => Ok(done),
            () = self.over() => Err(self.passed(TimeoutPhase::Total)),
        }
    }

    async fn over(&self) {
        match self.end {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
    }

    pub(crate) async fn before_first_byte<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        self.hold(work, self.first_byte, TimeoutPhase::FirstByte).await
    }

    pub(crate) async fn while_idle<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        self.hold(work, Instant::now() + self.idle, TimeoutPhase::Idle).await
    }

    async fn hold<T>(&self, work: impl Future<Output = T>, limit: Instant, phase: TimeoutPhase) -> Result<T, Error> {
        let (limit, phase) = match self.end {
            Some(end) if end < limit => (end, TimeoutPhase::Total),
            _ => (limit, phase),
        };
        tokio::select! {
            biased;
            () = self.cancellation.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")),
            done = work => Ok(done),
            () = tokio::time::sleep_until(limit) => Err(self.passed(phase)),
        }
    }

    fn passed(&self, phase: TimeoutPhase) -> Error {
        let message = match phase {
            TimeoutPhase::FirstByte => format!("no answer began within {:?}", self.timeouts.first_byte),
            TimeoutPhase::Idle => format!("the answer stalled for {:?}", self.timeouts.idle),
            _ => "the call was not over at its deadline".to_owned(),
        };
        Error::new(ErrorKind::Timeout(phase), message)
    }
}
