use serde::Serialize;
use tollbridge_types::Json;

use super::fields::read;
use super::{ArtifactCreated, Attempt, BudgetAlert, Completed, CostDiscrepancy, Failed, Started};

/// What happened: the `type` of an event and its `payload`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "payload")]
#[non_exhaustive]
pub enum Payload {
    /// A call came in.
    #[serde(rename = "MODEL_CALL_STARTED")]
    Started(Started),
    /// One attempt at a vendor is over.
    #[serde(rename = "MODEL_CALL_ATTEMPT")]
    Attempt(Attempt),
    /// A call has its answer.
    #[serde(rename = "MODEL_CALL_COMPLETED")]
    Completed(Completed),
    /// A call has none.
    #[serde(rename = "MODEL_CALL_FAILED")]
    Failed(Failed),
    /// A text was stored beside the events.
    #[serde(rename = "ARTIFACT_CREATED")]
    ArtifactCreated(ArtifactCreated),
    /// A budget reached a threshold.
    #[serde(rename = "BUDGET_ALERT")]
    BudgetAlert(BudgetAlert),
    /// A vendor reports another cost than the prices say.
    #[serde(rename = "COST_DISCREPANCY")]
    CostDiscrepancy(CostDiscrepancy),
    /// What only another version knows, as it was read.
    #[serde(untagged)]
    Unknown {
        /// Its type.
        #[serde(rename = "type")]
        kind: String,
        /// Its payload.
        payload: Json,
    },
}

impl Payload {
    /// Returns the `type` as it stands in JSON.
    pub fn kind(&self) -> &str {
        match self {
            Self::Started(_) => "MODEL_CALL_STARTED",
            Self::Attempt(_) => "MODEL_CALL_ATTEMPT",
            Self::Completed(_) => "MODEL_CALL_COMPLETED",
            Self::Failed(_) => "MODEL_CALL_FAILED",
            Self::ArtifactCreated(_) => "ARTIFACT_CREATED",
            Self::BudgetAlert(_) => "BUDGET_ALERT",
            Self::CostDiscrepancy(_) => "COST_DISCREPANCY",
            Self::Unknown { kind, .. } => kind,
        }
    }

    /// Reads the payload of a type. Fields that are missing have their defaults, those not known are kept.
    ///
    /// # Errors
    /// When a known field has a value of another type.
    pub fn read(kind: &str, payload: &Json) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            "MODEL_CALL_STARTED" => Self::Started(read(payload)?),
            "MODEL_CALL_ATTEMPT" => Self::Attempt(read(payload)?),
            "MODEL_CALL_COMPLETED" => Self::Completed(read(payload)?),
            "MODEL_CALL_FAILED" => Self::Failed(read(payload)?),
            "ARTIFACT_CREATED" => Self::ArtifactCreated(read(payload)?),
            "BUDGET_ALERT" => Self::BudgetAlert(read(payload)?),
            "COST_DISCREPANCY" => Self::CostDiscrepancy(read(payload)?),
            _ => Self::Unknown { kind: kind.to_owned(), payload: payload.clone() },
        })
    }
}
