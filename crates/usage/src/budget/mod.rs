//! Limits on what calls spend, and the counters behind them.
//!
//! A [`BudgetSpec`] is what people write, a [`Budget`] the same once checked, [`Budgets`] all of them with what is spent
//! and reserved. A call [reserves](Budgets::reserve) what it may cost before it is sent and
//! [settles](Reservation::settle) what it did cost. [`OutputHistory`] knows how long its answer likely is.

mod amount;
mod budgets;
mod counter;
mod counters;
mod entries;
mod exceeded;
mod output_history;
pub(crate) mod recent;
mod reservation;
mod scope;
mod sources;
mod spec;
mod spent;
mod status;
mod window;

pub use amount::{Amount, Quantity, Unit};
pub use budgets::{Budgets, Hardness};
pub use exceeded::Exceeded;
pub use output_history::OutputHistory;
pub use reservation::Reservation;
pub use scope::{Scope, Subject};
pub use sources::{Clock, Spending, SystemClock};
pub use spec::{Budget, BudgetSpec, Unpriced};
pub use status::{Alert, AlertCause, BudgetStatus};
pub use window::Window;
