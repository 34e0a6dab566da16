use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollbridge_core::{Currency, Money, Secret, Usage};
use tollbridge_types::Json;

use crate::price::{Bill, PriceBook, Terms};

/// One attempt of a call that reached for a vendor, as the ledger keeps it.
///
/// A logical call is the sum of its attempts: those of one [`call`](Self::call). Times of day are
/// milliseconds since 1970 UTC; durations are microseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Attempt {
    /// The id of the call.
    pub call: String,
    /// Which attempt of the call this is, from 1.
    pub attempt: u32,
    /// How many attempts the call had made when this one was settled.
    pub attempts: u32,
    /// When the attempt began.
    pub started: u64,
    /// When it was settled.
    pub ended: u64,
    /// What was asked, such as `chat`.
    pub operation: String,
    /// The protocol that was spoken to the vendor.
    pub protocol: String,
    /// Whether the reply was to be a stream.
    pub stream: bool,
    /// The model's name as the caller gave it.
    pub asked: String,
    /// That name, if it is an alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The group of deployments that served the alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The deployment that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The provider, by its configured name.
    pub provider: String,
    /// The model that the vendor was asked for.
    pub model: String,
    /// The model that the vendor says it served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_served: Option<String>,
    /// A fingerprint of the provider's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_key: Option<String>,
    /// The virtual key that the call is charged to, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the call was for: `task`, `user`, `team`, `category` and any other name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How it ended.
    pub status: Status,
    /// What kind of failure ended it, by [`ErrorKind::as_str`](tollbridge_core::ErrorKind::as_str).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The vendor's HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The vendor's id of the request or of its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_id: Option<String>,
    /// Why this was not the first choice, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// What was used; `None` if nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What it costs.
    pub charge: Charge,
    /// From the call's begin until this attempt began.
    pub queue: u64,
    /// Until the connection stood, where a new one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<u64>,
    /// From the attempt's begin until the head of the reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    /// From the attempt's begin until the first piece of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token: Option<u64>,
    /// From the attempt's begin until its end.
    pub total: u64,
    /// The words of prompt and answer; kept only where that is switched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Json>,
}

impl Attempt {
    /// Returns the value of a tag, or nothing.
    pub fn tag(&self, name: &str) -> &str {
        self.tags.get(name).map_or("", String::as_str)
    }

    /// Returns what it counts as in summaries: `ok`, or the kind of its failure.
    pub fn outcome(&self) -> &str {
        match self.status {
            Status::Ok => "ok",
            _ => self.error.as_deref().unwrap_or(self.status.as_str()),
        }
    }
}

/// What an attempt costs, and by which price.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Charge {
    /// The cost; `None` if no price is known.
    #[serde(with = "money", skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// The vendor's, or an upstream gateway's, own figure.
    #[serde(with = "money", skip_serializing_if = "Option::is_none")]
    pub reported: Option<Money>,
    /// The row of the price book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// The version of the price book.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub book: Option<String>,
    /// The lines of the sum, as the [`Bill`](crate::price::Bill) had them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Json>,
    /// What the row is looked up by: the kind of the provider.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// The region of the vendor's endpoint, where it charges by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The service tier that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
}

impl PriceBook {
    /// Prices a record again by what it holds; `None` if it says nothing of usage.
    pub fn again(&self, attempt: &Attempt) -> Option<Bill> {
        let usage = attempt.usage.as_ref()?;
        let charge = &attempt.charge;
        // What another program wrote knows no kind of provider, and its name is often the kind.
        let vendor = if charge.vendor.is_empty() { &attempt.provider } else { &charge.vendor };
        let (region, service_tier) = (charge.region.clone(), charge.service_tier.clone());
        let terms = Terms { at: Some(attempt.started), region, service_tier, ..Terms::default() };
        let bill = self.bill(vendor, &attempt.model, usage, &terms);
        // A deployment may have a name of its own, which only the vendor's answer explains.
        let served = attempt.model_served.as_deref().filter(|_| bill.cost.is_none());
        let served = served.map(|served| self.bill(vendor, served, usage, &terms));
        Some(served.filter(|bill| bill.cost.is_some()).unwrap_or(bill))
    }
}

impl Charge {
    /// Takes over what a bill says. Where no price is known, the vendor's own figure is the cost.
    #[must_use]
    pub fn priced(mut self, bill: &Bill) -> Self {
        let stated = self.reported.filter(|_| bill.cost.is_none());
        self.cost = bill.cost.or(stated);
        self.row = stated.map(|_| Self::REPORTED.to_owned()).or_else(|| bill.row.clone());
        self.book = Some(bill.book.clone());
        self.lines = if bill.lines.is_empty() { None } else { Json::from_value(&bill.lines).ok() };
        self
    }

    /// Stands for the row of the price book where the cost is the vendor's own figure.
    pub const REPORTED: &str = "reported";
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// It has not ended.
    #[default]
    Open,
    /// The vendor answered to the end.
    Ok,
    /// The vendor refused, failed or broke off.
    Failed,
    /// The caller went away before the end.
    Cancelled,
    /// The process died before the end; what the vendor did is not known.
    Interrupted,
}

impl Status {
    /// Returns the stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Open, Self::Ok, Self::Failed, Self::Cancelled, Self::Interrupted];
        let names = || all.map(Self::as_str).join(", ");
        all.into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no status; use one of {}", names()))
    }
}

/// Returns what a key is recognised by, and from which it cannot be told.
pub fn fingerprint(key: &Secret) -> String {
    let hash = Sha256::digest(key.expose().as_bytes());
    hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// Reads an amount as [`Money`]'s own text has it, such as `0.0025 USD`.
pub(crate) fn read_money(text: &str) -> Option<Money> {
    let (number, currency) = text.split_once(' ').unwrap_or((text, "USD"));
    Some(Money::from_pico(number.parse::<Money>().ok()?.pico(), Currency::from_code(currency)?))
}

/// Amounts as decimal text with their currency, which no reader of JSON rounds.
mod money {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use tollbridge_core::Money;

    #[expect(clippy::ref_option, reason = "serde hands out the field")]
    pub(super) fn serialize<S: Serializer>(money: &Option<Money>, serializer: S) -> Result<S::Ok, S::Error> {
        match money {
            Some(money) => serializer.collect_str(money),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let read = |text: String| {
            super::read_money(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not an amount of money")))
        };
        text.map(read).transpose()
    }
}
