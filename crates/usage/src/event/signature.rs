use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use tollbridge_core::{Error, ErrorKind, Secret};

/// Signs what a webhook sends, and checks what one received.
///
/// As Standard Webhooks has it: HMAC-SHA256 over `id.timestamp.body`, in base64, behind `v1,`. A secret that begins with
/// `whsec_` is base64 of the key; any other is the key itself.
///
/// ```
/// use tollbridge_core::Secret;
/// use tollbridge_usage::event::Signer;
///
/// let signer = Signer::new(&Secret::new("a secret of at least 16 bytes"))?;
/// let signature = signer.sign("event-1", 1_700_000_000, b"{}");
/// assert!(signer.verify("event-1", 1_700_000_000, b"{}", &signature));
/// assert!(!signer.verify("event-1", 1_700_000_000, b"{ }", &signature));
/// # Ok::<(), tollbridge_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    /// Takes the secret that both sides know.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is shorter than 16 bytes, or begins with `whsec_` and is no base64.
    pub fn new(secret: &Secret) -> Result<Self, Error> {
        let wrong = |message: &str| {
            Err(Error::new(ErrorKind::Config, format!("the webhook's `secret` {message}"))
                .with_path("secret")
                .with_hint("make one with `openssl rand -base64 32` and write `whsec_` before it"))
        };
        let text = secret.expose();
        let key = match text.strip_prefix("whsec_") {
            Some(encoded) => match STANDARD.decode(encoded) {
                Ok(key) => key,
                Err(_) => return wrong("is not base64 behind `whsec_`"),
            },
            None => text.as_bytes().to_vec(),
        };
        if key.len() < SHORTEST {
            return wrong("is shorter than 16 bytes");
        }
        match Hmac::new_from_slice(&key) {
            Ok(keyed) => Ok(Self(keyed)),
            Err(_) => wrong("is no key"),
        }
    }

    /// Returns the header `webhook-signature` for a body; `timestamp` is in seconds since 1970 UTC.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        format!("v1,{}", STANDARD.encode(self.over(id, timestamp, body).finalize().into_bytes()))
    }

    /// Says whether one of the signatures in a header is that of the body, in a time that tells nothing of it.
    ///
    /// Whoever receives also refuses timestamps that are minutes old, and ids that it has seen.
    pub fn verify(&self, id: &str, timestamp: u64, body: &[u8], header: &str) -> bool {
        let mut signatures = header.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok());
        signatures.any(|signature| self.over(id, timestamp, body).verify_slice(&signature).is_ok())
    }

    fn over(&self, id: &str, timestamp: u64, body: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(format!("{id}.{timestamp}.")).chain_update(body)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

const SHORTEST: usize = 16;
