use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Json;

/// Counts the tokens of one call in disjoint buckets.
///
/// No token is in two buckets: the total input is the sum of the input buckets, the total output
/// the sum of the output ones. `None` means that the vendor did not say; it is not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Text input tokens that no cache served or stored.
    pub input: Option<u64>,
    /// Input tokens read from a prompt cache.
    pub cache_read: Option<u64>,
    /// Input tokens written to a cache with the vendor's shortest (default) lifetime.
    pub cache_write: Option<u64>,
    /// Audio input tokens read from a prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_audio: Option<u64>,
    /// Input tokens written to a cache with a lifetime of thirty minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_30m: Option<u64>,
    /// Input tokens written to a cache with a lifetime of one hour.
    pub cache_write_1h: Option<u64>,
    /// Input tokens written to a cache with a lifetime of twelve hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_12h: Option<u64>,
    /// Audio input tokens.
    pub input_audio: Option<u64>,
    /// Image input tokens, where the vendor counts them apart.
    pub input_image: Option<u64>,
    /// Video input tokens, where the vendor counts them apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_video: Option<u64>,
    /// Visible output tokens.
    pub output: Option<u64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<u64>,
    /// Audio output tokens.
    pub output_audio: Option<u64>,
    /// Image output tokens.
    pub output_image: Option<u64>,
    /// What is charged by the piece, by name: calls of the vendor's own tools such as `web_search`, and `search_units`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, u64>,
    /// The service tier that served, such as `priority`, in the vendor's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
    /// The speed that served, such as `fast`, where the vendor charges by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<String>,
    /// Where the model ran, such as `us`, where the vendor charges by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference_geo: Option<String>,
    /// Where the numbers come from.
    pub basis: UsageBasis,
    /// The vendor's own usage object, as sent; cumulative stream forms are merged.
    pub raw: Option<Json>,
}

impl Usage {
    /// Returns the input tokens that no cache served or stored.
    pub fn fresh_input(&self) -> u64 {
        sum([self.input, self.input_audio, self.input_image, self.input_video])
    }

    /// Returns the input tokens read from a prompt cache.
    pub fn cache_reads(&self) -> u64 {
        sum([self.cache_read, self.cache_read_audio])
    }

    /// Returns the input tokens written to a cache, whatever their lifetime; `None` if the vendor did not say.
    pub fn cache_writes(&self) -> Option<u64> {
        let writes = [self.cache_write, self.cache_write_30m, self.cache_write_1h, self.cache_write_12h];
        writes.iter().any(Option::is_some).then(|| sum(writes))
    }

    /// Returns the tokens of the whole prompt, cached ones included.
    pub fn total_input(&self) -> u64 {
        sum([Some(self.fresh_input()), Some(self.cache_reads()), self.cache_writes()])
    }

    /// Returns the tokens of the whole answer, reasoning included.
    pub fn total_output(&self) -> u64 {
        sum([self.output, self.reasoning, self.output_audio, self.output_image])
    }

    /// Returns the tokens of prompt and answer.
    pub fn total(&self) -> u64 {
        self.total_input().saturating_add(self.total_output())
    }
}

/// Adds buckets; no vendor's number is so wrong that it stops a call.
fn sum<const N: usize>(buckets: [Option<u64>; N]) -> u64 {
    buckets.into_iter().flatten().fold(0, u64::saturating_add)
}

/// Says where the numbers of a [`Usage`] come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageBasis {
    /// The vendor's last word on the call.
    #[default]
    VendorFinal,
    /// The vendor's word in the middle of a stream that was cut short.
    VendorPartial,
    /// Counted here with the vendor's tokenizer.
    Counted,
    /// Estimated here.
    Estimated,
}

impl UsageBasis {
    /// Returns the stable name, such as `vendor_final`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VendorFinal => "vendor_final",
            Self::VendorPartial => "vendor_partial",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}
