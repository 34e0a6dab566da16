use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_trait::async_trait;
use dashmap::DashMap;
use futures_util::{Stream, StreamExt};
use tollbridge_core::{
    ByteStream, CallContext, Error, ErrorKind, Fault, FrameStream, Layer, Money, Operation, Provider, ProviderInfo,
    Reply, ReplyBody, Request,
};
use tollbridge_protocol::chat_request;

use super::Metering;
use super::body::micros;
use super::words::{self, Words};
use crate::budget::{Alert, AlertCause};
use crate::event::{
    self, BudgetAlert, Completed, CostDiscrepancy, EventBus, Failed, Payload, Started, TokenUsage, Trace,
};
use crate::price::is_discrepancy;
use crate::record::{Attempt, Charge, Status};

/// Tells events of whole calls, while somebody listens.
pub(super) struct CallLayer {
    metering: Metering,
}

impl CallLayer {
    pub(super) fn new(metering: Metering) -> Self {
        Self { metering }
    }
}

impl Layer for CallLayer {
    fn wrap(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Watched { inner, metering: self.metering.clone() })
    }
}

/// The calls that are going on and watched.
#[derive(Default)]
pub(crate) struct Calls(DashMap<String, Running>);

/// What has become of a call until now.
struct Running {
    task: Option<String>,
    asked: String,
    began: std::time::Instant,
    /// Attempts that have begun and are not settled.
    open: u32,
    last: Option<Attempt>,
    input: u64,
    output: u64,
    cost: Option<Money>,
    /// What the model said, where content is on.
    said: String,
    /// How the caller's side ended; the event is told when all attempts are settled too.
    ended: Option<Result<(), Error>>,
}

impl Calls {
    pub(super) fn attempt_began(&self, call: &str) {
        if let Some(mut running) = self.0.get_mut(call) {
            running.open += 1;
        }
    }

    pub(super) fn attempt_ended(&self, metering: &Metering, attempt: &Attempt, error: Option<&Error>) {
        let trace = Trace::of_call(&attempt.call, attempt.tags.get("task").map(String::as_str));
        metering.events().publish(trace, || Payload::Attempt(attempt_event(attempt, error)));
        tell_discrepancy(metering.events(), trace, attempt);
        if let Some(mut running) = self.0.get_mut(&attempt.call) {
            running.open = running.open.saturating_sub(1);
            if let Some(usage) = &attempt.usage {
                running.input = running.input.saturating_add(usage.total_input());
                running.output = running.output.saturating_add(usage.total_output());
            }
            running.cost = running.cost.zip(attempt.charge.cost).and_then(|(sum, cost)| sum.checked_add(cost));
            running.last = Some(attempt.clone());
        }
        self.tell_if_over(metering, &attempt.call);
    }

    fn began(&self, metering: &Metering, request: &Request, cx: &CallContext) {
        let task = cx.tag("task").map(str::to_owned);
        metering.events().publish(Trace::of_call(&cx.request_id, task.as_deref()), || {
            let mut started = Started::new(&request.model, &request.model);
            let chat = chat_request(request).ok().filter(|_| request.operation == Operation::Chat);
            if let Some(chat) = chat {
                started.message_count = chat.messages.len() as u64;
                started.request_summary = words::request_summary(metering.summaries(), &chat);
            }
            Payload::Started(started)
        });
        let running = Running {
            task,
            asked: request.model.clone(),
            began: cx.began,
            open: 0,
            last: None,
            input: 0,
            output: 0,
            cost: Some(Money::ZERO),
            said: String::new(),
            ended: None,
        };
        self.0.insert(cx.request_id.clone(), running);
    }

    fn ended(&self, metering: &Metering, call: &str, said: String, outcome: Result<(), Error>) {
        if let Some(mut running) = self.0.get_mut(call) {
            running.said = said;
            running.ended.get_or_insert(outcome);
        }
        self.tell_if_over(metering, call);
    }

    fn tell_if_over(&self, metering: &Metering, call: &str) {
        let over = self.0.remove_if(call, |_, running| running.ended.is_some() && running.open == 0);
        let Some((call, running)) = over else { return };
        let trace = Trace::of_call(&call, running.task.as_deref());
        metering.events().publish(trace, || running.payload(metering));
    }
}

impl Running {
    fn payload(&self, metering: &Metering) -> Payload {
        let last = self.last.as_ref();
        let group = last.and_then(|last| last.group.clone()).unwrap_or_else(|| self.asked.clone());
        let name = |pick: fn(&Attempt) -> &String| last.map_or(String::new(), |last| pick(last).clone());
        let duration_ms = micros(self.began) / 1000;
        let token_usage = TokenUsage::new(self.input, self.output);
        let fallback_reason = last.and_then(|last| last.fallback.clone());
        // A reader who leaves behind the last word has all of the answer.
        let answered =
            |error: &Error| error.kind() == ErrorKind::Cancelled && last.is_some_and(|last| last.status == Status::Ok);
        match &self.ended {
            Some(Err(error)) if !answered(error) => {
                let mut failed = Failed::new(&self.asked, group, error);
                (failed.model_name, failed.provider) = (name(|last| &last.model), name(|last| &last.provider));
                failed.attempts = last.map_or(0, |last| last.attempts);
                (failed.duration_ms, failed.fallback_reason) = (duration_ms, fallback_reason);
                (failed.token_usage, failed.cost) = (token_usage, self.cost);
                Payload::Failed(failed)
            }
            _ => {
                let mut completed = Completed::new(&self.asked, group);
                (completed.model_name, completed.provider) = (name(|last| &last.model), name(|last| &last.provider));
                (completed.duration_ms, completed.fallback_reason) = (duration_ms, fallback_reason);
                completed.response = metering.summaries().response(&self.said);
                (completed.token_usage, completed.cost) = (token_usage, self.cost);
                let row = last.and_then(|last| last.charge.row.clone());
                completed.cost_source = match row {
                    Some(row) if row == Charge::REPORTED => row,
                    Some(row) => format!("price:{row}"),
                    None => String::new(),
                };
                Payload::Completed(completed)
            }
        }
    }
}

/// Tells what a budget has to say.
pub(super) fn tell_alert(events: &EventBus, alert: &Alert) {
    let (budget, percent) = (&alert.status.name, alert.status.percent);
    match alert.cause {
        AlertCause::Unpriced => tracing::warn!(budget, "calls without a known price count as nothing in a budget"),
        _ => tracing::warn!(budget, percent, "a budget reached a threshold"),
    }
    events.publish(Trace::of_gateway(), || Payload::BudgetAlert(BudgetAlert::from(alert)));
}

/// Tells when a vendor's own figure is more than 1 % away from ours.
fn tell_discrepancy(events: &EventBus, trace: Trace<'_>, attempt: &Attempt) {
    let charge = &attempt.charge;
    let figures = charge.cost.zip(charge.reported).filter(|(ours, reported)| is_discrepancy(*ours, *reported));
    let Some((ours, reported)) = figures else { return };
    let (provider, model, call) = (&attempt.provider, &attempt.model, &attempt.call);
    tracing::warn!(%ours, %reported, provider, model, call, "the vendor's own cost is another than ours");
    events.publish(trace, || {
        let mut told = CostDiscrepancy::new(ours, reported);
        told.attempt = attempt.attempt;
        (told.model_name, told.provider) = (model.clone(), provider.clone());
        told.price_row = charge.row.clone().unwrap_or_default();
        Payload::CostDiscrepancy(told)
    });
}

fn attempt_event(attempt: &Attempt, error: Option<&Error>) -> event::Attempt {
    let mut told = event::Attempt::new(attempt.attempt, &attempt.provider, &attempt.model);
    told.model_alias = attempt.alias.clone().unwrap_or_else(|| attempt.asked.clone());
    told.duration_ms = attempt.total / 1000;
    told.error_type = attempt.error.clone().filter(|_| attempt.status != Status::Ok);
    told.error_message = error.map(Error::to_string);
    told
}

struct Watched {
    inner: Arc<dyn Provider>,
    metering: Metering,
}

#[async_trait]
impl Provider for Watched {
    fn info(&self) -> &ProviderInfo {
        self.inner.info()
    }

    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        if request.operation == Operation::Models || !self.metering.events().is_watched() {
            return self.inner.call(request, cx).await;
        }
        self.metering.parts().calls.began(&self.metering, &request, cx);
        let words = self.metering.summaries().content().then(Words::default);
        let (metering, call) = (self.metering.clone(), cx.request_id.clone());
        let mut end = End { metering, call, words: words.clone(), fault: Fault::default(), told: false };
        match self.inner.call(request, cx).await {
            Ok(mut reply) => {
                let protocol = reply.protocol;
                end.fault = reply.fault.clone();
                reply.body = match reply.body {
                    ReplyBody::Frames(frames) => {
                        let inner = match words {
                            Some(words) => words.listen(protocol, frames),
                            None => frames,
                        };
                        ReplyBody::Frames(Box::pin(Passing::<FrameStream> { inner, end }))
                    }
                    ReplyBody::Stream(inner) => ReplyBody::Stream(Box::pin(Passing::<ByteStream> { inner, end })),
                    whole => {
                        if let (Some(words), ReplyBody::Whole(body)) = (words, &whole) {
                            words.whole(protocol, body);
                        }
                        end.tell(Ok(()));
                        whole
                    }
                };
                Ok(reply)
            }
            Err(error) => {
                end.tell(Err(summary_of(&error)));
                Err(error)
            }
        }
    }
}

/// Tells the end of a call: the first that is told, or that the caller left.
struct End {
    metering: Metering,
    call: String,
    words: Option<Words>,
    fault: Fault,
    told: bool,
}

impl End {
    fn tell(&mut self, outcome: Result<(), Error>) {
        if !std::mem::replace(&mut self.told, true) {
            let outcome = self.fault.error().map_or(outcome, Err);
            let said = self.words.as_ref().map(Words::said).unwrap_or_default();
            self.metering.parts().calls.ended(&self.metering, &self.call, said, outcome);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.tell(Err(Error::new(ErrorKind::Cancelled, "the caller left before the end of the answer")));
    }
}

/// A body that tells its end.
struct Passing<S> {
    inner: S,
    end: End,
}

impl<T, S: Stream<Item = Result<T, Error>> + Unpin> Stream for Passing<S> {
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.inner.poll_next_unpin(cx);
        match &next {
            Poll::Ready(None) => self.end.tell(Ok(())),
            Poll::Ready(Some(Err(error))) => {
                let error = summary_of(error);
                self.end.tell(Err(error));
            }
            _ => {}
        }
        next
    }
}

/// Returns what events tell of an error, which belongs to the caller.
fn summary_of(error: &Error) -> Error {
    let mut summary = Error::new(error.kind(), error.message()).with_attempts(error.attempts());
    if let Some(provider) = error.provider() {
        summary = summary.with_provider(provider);
    }
    summary
}
