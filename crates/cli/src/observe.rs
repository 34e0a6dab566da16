use tollbridge::core::{CallEvent, Observer};

/// Writes what happens between here and the vendors to the log.
pub(crate) struct Log;

impl Observer for Log {
    fn observe(&self, request_id: &str, event: CallEvent<'_>) {
        match event {
            CallEvent::Sent { provider, model, .. } => tracing::debug!(request_id, provider, model, "sent"),
            CallEvent::Adapted { provider, model, what, .. } => {
                tracing::warn!(request_id, provider, model, what, "the vendor refused a field; sent again without it");
            }
            CallEvent::Answered { provider, status, .. } => tracing::debug!(request_id, provider, status, "answered"),
            CallEvent::Failed { provider, error, .. } => {
                tracing::debug!(request_id, provider, kind = %error.kind(), "failed")
            }
            _ => {}
        }
    }
}
