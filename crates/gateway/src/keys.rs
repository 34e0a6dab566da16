use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tollbridge_usage::budget::Budgets;
use tollbridge_usage::key::KeyStore;

/// How long a key that was made or revoked stays unnoticed.
const PERIOD: Duration = Duration::from_secs(1);

/// Holds calls to the keys as they are, whoever changes them, for as long as it is polled.
pub(crate) async fn follow(keys: Option<Arc<KeyStore>>, budgets: Option<Budgets>) -> Infallible {
    let Some(keys) = keys else { return std::future::pending().await };
    let (mut known, mut well) = (None, true);
    loop {
        // Before the budgets are read: a change in between is seen the next time.
        let generation = keys.generation();
        if known != Some(generation) {
            if known.replace(generation).is_some() {
                tracing::info!("the keys have changed");
            }
            if let Some(budgets) = &budgets {
                budgets.set_key_budgets(keys.limits());
            }
        }
        tokio::time::sleep(PERIOD).await;
        let store = Arc::clone(&keys);
        match tokio::task::spawn_blocking(move || store.refresh()).await {
            Ok(Ok(_)) => well = true,
            // The keys stay as they were: once is enough to tell.
            Ok(Err(error)) if well => {
                tracing::error!("{error}");
                well = false;
            }
            _ => {}
        }
    }
}
