use std::collections::{HashMap, HashSet, VecDeque};

use super::{IdForm, made_up};

/// Gives each call of a conversation an id that its vendor takes, and each result that of its call.
///
/// Vendors repeat ids, in one turn or in each: then the n-th result of a turn belongs to its n-th call.
#[derive(Debug)]
pub(crate) struct Pairs {
    form: IdForm,
    calls: Vec<Call>,
    turn: usize,
    /// The ids that are given away.
    taken: HashSet<String>,
    /// The number from which on to look for a free id like one.
    numbers: HashMap<String, usize>,
    /// The calls under each id that may still be open, in order, and the last that was not.
    by_id: HashMap<String, (VecDeque<usize>, Option<usize>)>,
    /// The calls of the turn by their function, and all of them, for results without an id.
    by_name: HashMap<String, VecDeque<usize>>,
    order: VecDeque<usize>,
    /// What ids became that results name and no call has.
    strays: HashMap<String, String>,
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    turn: usize,
    answered: bool,
    /// Whether its vendor gave it an id, by which a result must name it.
    has_id: bool,
}

impl Pairs {
    pub(crate) fn new(form: &IdForm) -> Self {
        Self {
            form: *form,
            calls: Vec::new(),
            turn: 0,
            taken: HashSet::new(),
            numbers: HashMap::new(),
            by_id: HashMap::new(),
            by_name: HashMap::new(),
            order: VecDeque::new(),
            strays: HashMap::new(),
        }
    }

    /// Begins a turn of the model, behind results or words of the user.
    pub(crate) fn turn(&mut self) {
        self.turn += 1;
        self.by_name.clear();
        self.order.clear();
        if !self.form.unique {
            self.taken.clear();
            self.numbers.clear();
        }
    }

    /// Returns the id of the next call.
    pub(crate) fn call(&mut self, id: Option<&str>, name: &str) -> String {
        let number = self.calls.len();
        let known = id.filter(|id| !id.is_empty());
        let old = known.map_or_else(|| made_up("request", 0, u32::try_from(number).unwrap_or(u32::MAX)), str::to_owned);
        let new = self.free(&old);
        self.calls.push(Call {
            id: new.clone(),
            name: name.to_owned(),
            turn: self.turn,
            answered: false,
            has_id: known.is_some(),
        });
        let (open, _) = self.by_id.entry(id.unwrap_or_default().to_owned()).or_default();
        // What an earlier turn left open stays so: results follow their own turn.
        if open.back().and_then(|call| self.calls.get(*call)).is_some_and(|call| call.turn < self.turn) {
            open.clear();
        }
        open.push_back(number);
        self.by_name.entry(name.to_owned()).or_default().push_back(number);
        self.order.push_back(number);
        new
    }

    /// Returns the id of the call that a result answers; `None` if it names none and none is open.
    pub(crate) fn result(&mut self, id: Option<&str>, name: Option<&str>) -> Option<String> {
        let Some(id) = id.filter(|id| !id.is_empty()) else {
            let call = self.unnamed(name)?;
            return self.answer(call);
        };
        let Some((open, last)) = self.by_id.get_mut(id) else {
            let form = &self.form;
            return Some(self.strays.entry(id.to_owned()).or_insert_with(|| form.fitted(id, 0)).clone());
        };
        let calls = &self.calls;
        let is = |call: &usize| calls.get(*call).is_some_and(|call| Some(call.name.as_str()) == name);
        let place = open.iter().take(LOOKED_THROUGH).position(is).unwrap_or_default();
        let call = open.remove(place).or(*last)?;
        *last = Some(call);
        self.answer(call)
    }

    fn answer(&mut self, call: usize) -> Option<String> {
        let call = self.calls.get_mut(call)?;
        call.answered = true;
        Some(call.id.clone())
    }

    /// Finds the call of a result without an id: the first open one of its function, or of those that have none either.
    fn unnamed(&mut self, name: Option<&str>) -> Option<usize> {
        let calls = &self.calls;
        let open = |queue: &mut VecDeque<usize>| {
            std::iter::from_fn(|| queue.pop_front()).find(|call| calls.get(*call).is_some_and(|call| !call.answered))
        };
        let of_function = name.and_then(|name| self.by_name.get_mut(name)).and_then(open);
        of_function.or_else(|| open(&mut self.order).filter(|call| calls.get(*call).is_some_and(|call| !call.has_id)))
    }

    /// Returns an id of the form that no call has, as like the given one as can be.
    fn free(&mut self, id: &str) -> String {
        let number = self.numbers.entry(id.to_owned()).or_default();
        loop {
            let made = self.form.fitted(id, *number);
            *number += 1;
            if self.taken.insert(made.clone()) {
                return made;
            }
        }
    }
}

/// How many calls under one id are looked through for that of a result's function.
const LOOKED_THROUGH: usize = 64;
