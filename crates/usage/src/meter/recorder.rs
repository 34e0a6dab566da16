use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tollbridge_core::{
    CallContext, CallEvent, Error, ErrorKind, Money, Observer, Operation, ProviderInfo, Reply, Request, TimeoutPhase,
    Usage,
};
use tollbridge_protocol::Metered;
use tollbridge_types::Json;

use super::body::micros;
use super::estimate::{self, Estimate};
use super::{Deployment, Metering, OnLeave};
use crate::budget::{Amount, Hardness, Reservation, Subject};
use crate::ledger::Ticket;
use crate::now_ms;
use crate::price::{Bill, Terms, parse_reported_cost, reported_cost};
use crate::record::{Attempt, Status};

/// Follows one attempt from before it is sent until it is settled.
///
/// It listens to what the provider reports, so that it knows when a request really goes out: what
/// never does is no attempt.
pub(super) struct Recorder {
    metering: Metering,
    deployment: Arc<Deployment>,
    cx: CallContext,
    /// What is known of every attempt before it begins.
    template: Attempt,
    operation: Operation,
    estimate: Estimate,
    drained: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: Option<Open>,
    reservation: Option<Reservation>,
}

/// An attempt that has begun.
struct Open {
    attempt: Attempt,
    began: Instant,
    /// What the vendor sent, if content is kept.
    content: Vec<u8>,
}

/// How much of an attempt there is to pay for.
#[derive(Clone, Copy)]
enum Used {
    Nothing,
    All,
    /// What had passed when the answer broke off.
    UntilNow,
}

impl Recorder {
    /// Prepares an attempt, and reserves what it may cost.
    ///
    /// # Errors
    /// [`ErrorKind::Budget`] if a budget has no room.
    pub(super) fn new(
        metering: &Metering,
        deployment: &Arc<Deployment>,
        provider: &ProviderInfo,
        request: &Request,
        cx: &CallContext,
    ) -> Result<Arc<Self>, Error> {
        let mut template = Attempt::default();
        template.call.clone_from(&cx.request_id);
        template.operation = request.operation.to_string();
        template.protocol = provider.protocol_for(request).map_or(String::new(), |protocol| protocol.to_string());
        template.stream = request.stream;
        template.asked.clone_from(&request.route.asked);
        template.alias.clone_from(&request.route.alias);
        template.group.clone_from(&request.route.group);
        template.deployment.clone_from(&request.route.deployment);
        template.fallback.clone_from(&request.route.fallback);
        template.provider.clone_from(&provider.name);
        template.model.clone_from(&request.model);
        template.provider_key.clone_from(&deployment.key);
        template.key = cx.key.as_deref().map(str::to_owned);
        template.tags = cx.tags.iter().cloned().collect();
        template.charge.vendor.clone_from(&deployment.vendor);
        template.charge.region.clone_from(&deployment.region);
        if metering.parts().options.content {
            template.content = request.wire().and_then(|wire| kept(&wire.body));
        }
        let recorder = Self {
            metering: metering.clone(),
            deployment: Arc::clone(deployment),
            cx: cx.clone(),
            template,
            operation: request.operation,
            estimate: Estimate::new(request, metering.parts().options.count.as_ref()),
            drained: AtomicBool::new(false),
            state: Mutex::default(),
        };
        recorder.reserve(request)?;
        Ok(Arc::new(recorder))
    }

    /// Returns the context that the provider is called with.
    pub(super) fn context(self: &Arc<Self>, cx: &CallContext) -> CallContext {
        let mut inside = cx.clone();
        inside.observer = Arc::clone(self) as Arc<dyn Observer>;
        inside
    }

    /// Says what happens if the reader leaves.
    pub(super) fn on_leave(&self) -> OnLeave {
        if self.drained.load(Ordering::Relaxed) { OnLeave::Cancel } else { self.metering.parts().options.on_leave }
    }

    /// Notes that the answer has been read on for as long as it may.
    pub(super) fn drained(&self) {
        self.drained.store(true, Ordering::Relaxed);
    }

    /// Notes the head of a reply.
    pub(super) fn answered(&self, reply: &Reply) {
        let mut state = self.state();
        let open = self.opened(&mut state);
        let attempt = &mut open.attempt;
        attempt.protocol = reply.protocol.to_string();
        attempt.http_status = Some(reply.status.as_u16());
        attempt.head.get_or_insert(micros(open.began));
        let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok());
        attempt.vendor_id = REQUEST_IDS.iter().find_map(|name| header(name)).map(str::to_owned);
        attempt.charge.reported = header("x-litellm-response-cost").and_then(parse_reported_cost);
    }

    /// Notes that a piece of the answer has arrived.
    pub(super) fn first_piece(&self) {
        if let Some(open) = &mut self.state().open {
            open.attempt.first_token.get_or_insert(micros(open.began));
        }
    }

    /// Keeps what the vendor sent, if that is switched on.
    pub(super) fn content(&self, bytes: &[u8]) {
        if !self.metering.parts().options.content {
            return;
        }
        if let Some(open) = self.state().open.as_mut().filter(|open| open.content.len() + bytes.len() < CONTENT) {
            open.content.extend_from_slice(bytes);
            open.content.push(b'\n');
        }
    }

    /// Settles an attempt whose answer has come to its end; done when the record is as durable as promised.
    pub(super) async fn finish(self: Arc<Self>, metered: Metered) {
        self.durable(self.settle_answer(&metered)).await;
    }

    /// Settles an attempt whose answer broke off.
    pub(super) fn fail(self: Arc<Self>, error: &Error, metered: Metered) -> impl Future<Output = ()> + Send + use<> {
        let ticket = self.broke(error, metered);
        async move { self.durable(ticket).await }
    }

    /// Settles an attempt that brought no answer.
    pub(super) async fn failed(&self, error: &Error) {
        let ticket = self.settle_failure(error, None);
        self.durable(ticket).await;
    }

    /// Settles an attempt whose answer broke off, without waiting for the disk.
    pub(super) fn broke(&self, error: &Error, metered: Metered) -> Option<Ticket> {
        self.settle_failure(error, Some(metered))
    }

    /// Settles an attempt whose reader went when the answer was complete, and only the stream's end was missing.
    pub(super) fn left_at_the_end(&self, metered: &Metered) {
        self.settle_answer(metered);
    }

    /// Settles an attempt whose reader has gone.
    pub(super) fn left(&self, metered: &Metered) {
        let used = if metered.finished { Used::All } else { Used::UntilNow };
        self.close(Status::Cancelled, Some(ErrorKind::Cancelled), used, metered, None);
    }

    fn settle_answer(&self, metered: &Metered) -> Option<Ticket> {
        match metered.failure() {
            Some(error) => self.close(Status::Failed, Some(error.kind()), Used::UntilNow, metered, Some(&error)),
            None => self.close(Status::Ok, None, Used::All, metered, None),
        }
    }

    fn settle_failure(&self, error: &Error, metered: Option<Metered>) -> Option<Ticket> {
        let cancelled = error.kind() == ErrorKind::Cancelled;
        let status = if cancelled { Status::Cancelled } else { Status::Failed };
        let answers = self.state().open.as_ref().is_some_and(|open| open.attempt.http_status.is_some_and(is_success));
        let used = if metered.is_some() || may_be_billed(error, answers) { Used::UntilNow } else { Used::Nothing };
        let mut metered = metered.unwrap_or_default();
        if metered.usage.is_none() {
            // What had arrived of an answer that came in another form than was asked for.
            metered.usage = error.partial().and_then(|partial| partial.usage.clone());
        }
        self.close(status, Some(error.kind()), used, &metered, Some(error))
    }

    /// Returns what was used: the vendor's word, completed by an estimate where the answer broke off.
    fn usage(&self, used: Used, metered: &Metered) -> Option<Usage> {
        match (used, metered.usage.clone()) {
            (Used::Nothing, _) => None,
            (Used::All, Some(usage)) => Some(usage),
            (Used::UntilNow, Some(usage)) => Some(self.estimate.complete(usage, &metered.written)),
            (_, None) => {
                let has_words = matches!(self.operation, Operation::Chat | Operation::Embed);
                has_words.then(|| self.estimate.complete(Usage::default(), &metered.written))
            }
        }
    }

    /// Ends the attempt, if it has begun and not ended yet.
    fn close(
        &self,
        status: Status,
        kind: Option<ErrorKind>,
        used: Used,
        metered: &Metered,
        error: Option<&Error>,
    ) -> Option<Ticket> {
        let (open, reservation) = {
            let mut state = self.state();
            if status == Status::Ok {
                self.opened(&mut state);
            }
            (state.open.take()?, state.reservation.take())
        };
        let mut attempt = open.attempt;
        attempt.status = status;
        attempt.error = kind.map(|kind| kind.as_str().to_owned());
        attempt.http_status = error.and_then(|error| error.vendor()?.status).or(attempt.http_status);
        let vendor_id = error.and_then(|error| error.vendor()?.request_id.clone());
        attempt.vendor_id = metered.response_id.clone().or(vendor_id).or(attempt.vendor_id);
        attempt.model_served.clone_from(&metered.model_served);
        attempt.total = micros(open.began);
        attempt.ended = attempt.started.saturating_add(attempt.total / 1000);
        attempt.attempts = self.cx.attempts();
        if !open.content.is_empty() {
            attempt.content = exchange(attempt.content.as_ref(), &open.content);
        }
        self.charge(&mut attempt, self.usage(used, metered));
        if let Some(usage) = attempt.usage.as_ref().filter(|_| status == Status::Ok) {
            let key = attempt.key.as_deref().unwrap_or_default();
            self.metering.parts().history.record(key, &attempt.model, usage.total_output());
        }
        if let Some(reservation) = reservation {
            reservation.settle(self.amount(&attempt));
        }
        self.cx.add_cost(attempt.charge.cost);
        self.metering.parts().totals.add(&attempt, self.metering.rates());
        let ticket = self.metering.ledger().map(|ledger| ledger.settle(&attempt));
        self.metering.parts().calls.attempt_ended(&self.metering, &attempt, error);
        ticket
    }

    fn charge(&self, attempt: &mut Attempt, usage: Option<Usage>) {
        let options = &self.metering.parts().options;
        let free = self.operation == Operation::CountTokens || (attempt.status != Status::Ok && usage.is_none());
        if !options.cost {
            attempt.usage = usage;
            return;
        }
        attempt.usage = usage;
        if let Some(bill) = self.metering.prices().again(attempt) {
            let raw = attempt.usage.as_ref().and_then(|usage| usage.raw.as_ref());
            attempt.charge.reported = raw.and_then(reported_cost).or(attempt.charge.reported);
            attempt.charge = std::mem::take(&mut attempt.charge).priced(&bill);
        } else if free {
            attempt.charge.cost = Some(Money::ZERO);
        }
    }

    fn bill(&self, model: &str, usage: &Usage) -> Bill {
        let mut terms = Terms::default();
        terms.region.clone_from(&self.deployment.region);
        self.metering.prices().bill(&self.deployment.vendor, model, usage, &terms)
    }

    /// Takes what the attempt may cost out of the budgets that apply.
    fn reserve(&self, request: &Request) -> Result<(), Error> {
        let options = &self.metering.parts().options;
        let Some(budgets) = options.budgets.as_ref().filter(|_| self.operation != Operation::CountTokens) else {
            return Ok(());
        };
        let mut subject = Subject::default();
        (subject.key, subject.user) = (self.cx.key.as_deref(), self.cx.tag("user"));
        (subject.team, subject.task) = (self.cx.tag("team"), self.cx.tag("task"));
        (subject.alias, subject.provider) = (self.template.alias.as_deref(), Some(self.template.provider.as_str()));
        subject.tags = &self.cx.tags;
        let (input, asked) = match budgets.hardest(&subject) {
            None => return Ok(()),
            // Where nothing can be refused, a guess is enough: the request need not be read.
            Some(Hardness::Soft) => (self.estimate.input_so_far(), (self.operation != Operation::Chat).then_some(0)),
            Some(_) => (self.estimate.input_of(request).0, estimate::asked_output(request)),
        };
        let key = self.template.key.as_deref().unwrap_or_default();
        let output = self.metering.parts().history.likely_output(key, &request.model, asked);
        let usage = estimate::usage(input, Some(output));
        let cost = self.bill(&request.model, &usage).cost.and_then(|cost| options.rates.usd(cost));
        let asked = Amount::new(cost.map(Money::pico), usage.total());
        let reservation = budgets.reserve(&subject, asked, options.lease).map_err(|exceeded| {
            Error::from(exceeded).with_provider(&self.template.provider).with_model(&self.template.model)
        })?;
        self.state().reservation = Some(reservation);
        Ok(())
    }

    /// Returns what budgets count.
    fn amount(&self, attempt: &Attempt) -> Amount {
        let cost = attempt.charge.cost.and_then(|cost| self.metering.rates().usd(cost));
        Amount::new(cost.map(Money::pico), attempt.usage.as_ref().map_or(0, Usage::total))
    }

    /// Begins the attempt, unless it has begun.
    fn opened<'a>(&self, state: &'a mut State) -> &'a mut Open {
        state.open.get_or_insert_with(|| {
            let mut attempt = self.template.clone();
            attempt.attempt = self.cx.begin_attempt();
            attempt.attempts = attempt.attempt;
            attempt.started = now_ms();
            attempt.ended = attempt.started;
            attempt.queue = micros(self.cx.began);
            if let Some(ledger) = self.metering.ledger() {
                // What is recorded if this process dies: the prompt was sent, and no more is known.
                let mut begun = attempt.clone();
                self.charge(&mut begun, Some(estimate::usage(self.estimate.input_so_far(), None)));
                begun.error = Some("interrupted".to_owned());
                ledger.begin(&begun);
            }
            self.metering.parts().calls.attempt_began(&attempt.call);
            Open { attempt, began: Instant::now(), content: Vec::new() }
        })
    }

    async fn durable(&self, ticket: Option<Ticket>) {
        if let Some((ledger, ticket)) = self.metering.ledger().zip(ticket) {
            ledger.durable(ticket).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn observe(&self, request_id: &str, event: CallEvent<'_>) {
        match event {
            CallEvent::Sent { .. } => {
                // A provider that asks again in other words makes another attempt.
                let refused = self.state().open.is_some();
                if refused {
                    let reservation = self.state().reservation.take();
                    self.close(
                        Status::Failed,
                        Some(ErrorKind::InvalidRequest),
                        Used::Nothing,
                        &Metered::default(),
                        None,
                    );
                    self.state().reservation = reservation;
                }
                self.opened(&mut self.state());
            }
            CallEvent::Connected { took, .. } => {
                if let Some(open) = &mut self.state().open {
                    open.attempt.connect = u64::try_from(took.as_micros()).ok();
                }
            }
            CallEvent::Answered { status, .. } => {
                if let Some(open) = &mut self.state().open {
                    open.attempt.http_status = Some(status);
                    open.attempt.head = Some(micros(open.began));
                }
            }
            _ => {}
        }
        self.cx.observer.observe(request_id, event);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The caller left before the head of the reply.
        self.left(&Metered::default());
    }
}

/// Says whether a vendor may charge for an attempt that brought no answer: it may have worked all the same.
///
/// It has where it `answers` and the answer breaks off or cannot be read, but not where it refuses.
fn may_be_billed(error: &Error, answers: bool) -> bool {
    match (error.vendor().and_then(|vendor| vendor.status), error.kind()) {
        (Some(status), _) => is_success(status),
        (None, ErrorKind::Timeout(phase)) => phase != TimeoutPhase::Connect,
        (None, ErrorKind::Cancelled | ErrorKind::Decode) => true,
        (None, kind) => answers && (kind == ErrorKind::Network || error.partial().is_some()),
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Returns a body as it is kept, unless it is too large or no JSON.
fn kept(body: &[u8]) -> Option<Json> {
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= CONTENT)?;
    Json::from_text(text).ok()
}

/// Puts both sides of an exchange together.
fn exchange(request: Option<&Json>, reply: &[u8]) -> Option<Json> {
    let reply = kept(reply).or_else(|| Json::from_value(&String::from_utf8_lossy(reply)).ok());
    Json::from_value(&serde_json::json!({"request": request, "reply": reply})).ok()
}

/// Where vendors name their own id of a request.
const REQUEST_IDS: &[&str] =
    &["x-request-id", "request-id", "x-amzn-requestid", "apim-request-id", "x-goog-request-id"];
/// The most bytes that are kept of each side of an exchange.
const CONTENT: usize = 1 << 20;
