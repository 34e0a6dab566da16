use std::collections::HashMap;

/// The order of calls, in which their results are sent.
#[derive(Debug, Default)]
pub(crate) struct Order {
    places: HashMap<String, usize>,
    calls: usize,
}

impl Order {
    /// Notes the next call.
    pub(crate) fn called(&mut self, id: &str) {
        // Where an id comes again, its last call is the one that is answered.
        self.places.insert(id.to_owned(), self.calls);
        self.calls += 1;
    }

    /// Returns the place of a result among others; one of an unknown call stays behind them.
    pub(crate) fn of(&self, id: Option<&str>) -> usize {
        id.and_then(|id| self.places.get(id)).copied().unwrap_or(usize::MAX)
    }
}

/// Messages as they are written, in which results in a row stand in the order of their calls.
#[derive(Debug)]
pub(crate) struct InOrder<T> {
    written: Vec<T>,
    order: Order,
    /// The results in a row, with their places.
    results: Vec<(usize, T)>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self { written: Vec::new(), order: Order::default(), results: Vec::new() }
    }
}

impl<T> InOrder<T> {
    /// Notes the next call.
    pub(crate) fn called(&mut self, id: &str) {
        self.order.called(id);
    }

    /// Adds a message that is no result.
    pub(crate) fn push(&mut self, message: T) {
        self.flush();
        self.written.push(message);
    }

    /// Adds the result of a call.
    pub(crate) fn result(&mut self, id: Option<&str>, message: T) {
        self.results.push((self.order.of(id), message));
    }

    /// Returns the messages.
    pub(crate) fn done(mut self) -> Vec<T> {
        self.flush();
        self.written
    }

    fn flush(&mut self) {
        let mut list = std::mem::take(&mut self.results);
        list.sort_by_key(|(place, _)| *place);
        self.written.extend(list.into_iter().map(|(_, message)| message));
    }
}
