use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tollbridge_usage::budget::Budgets;
use tollbridge_usage::key::KeyStore;

/// How long a key that another process made or revoked stays unnoticed.
const PERIOD: Duration = Duration::from_secs(1);

/// Takes over what other processes change of the keys, for as long as it is polled.
pub(crate) async fn follow(keys: Option<Arc<KeyStore>>, budgets: Option<Budgets>) -> Infallible {
    let Some(keys) = keys else { return std::future::pending().await };
    let limit = || {
        if let Some(budgets) = &budgets {
            budgets.set_key_budgets(keys.limits());
        }
    };
    limit();
    let mut well = true;
    loop {
        tokio::time::sleep(PERIOD).await;
        let store = Arc::clone(&keys);
        let refreshed = tokio::task::spawn_blocking(move || store.refresh()).await;
        match refreshed {
            Ok(Ok(changed)) => {
                if changed {
                    tracing::info!("the keys have changed");
                    limit();
                }
                well = true;
            }
            // The keys stay as they were: once is enough to tell.
            Ok(Err(error)) if well => {
                tracing::error!("{error}");
                well = false;
            }
            _ => {}
        }
    }
}
