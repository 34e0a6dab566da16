//! Leaves out the settings of sampling that a model refuses, and brings others within its bounds.

use tollbridge_core::Loss;
use tollbridge_profiles::Profile;

/// One setting that a request makes, by its name in the typed request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
}

/// The value of a setting, as far as rules look at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Flag(bool),
    /// Something else, such as a list.
    Other,
}

/// What becomes of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    Drop,
    Set(f64),
}

/// Decides what becomes of the settings that cannot stay as they are, and tells each.
pub(crate) fn settle(
    settings: &[Setting],
    profile: &Profile,
    thinks: bool,
    losses: &mut Vec<Loss>,
) -> Vec<(&'static str, Change)> {
    let rules = &profile.sampling;
    let holds = |list: &[String], name: &str| list.iter().any(|known| known == name);
    let mut changes: Vec<(&'static str, Change)> = Vec::new();
    for setting in settings.iter().filter(|setting| !is_default(setting)) {
        let name = setting.name;
        if holds(&rules.refused, name) {
            losses.push(Loss::dropped(name, "the model has no such setting"));
            changes.push((name, Change::Drop));
            continue;
        }
        if thinks && holds(&rules.refused_thinking, name) {
            losses.push(Loss::dropped(name, "the model takes it only when it does not think"));
            changes.push((name, Change::Drop));
            continue;
        }
        let rivals = rules.exclusive.iter().filter(|list| holds(list, name));
        let rival = rivals.flatten().take_while(|rival| *rival != name).find(|rival| {
            settings.iter().any(|other| other.name == **rival) && !changes.iter().any(|(dropped, _)| dropped == *rival)
        });
        if let Some(rival) = rival {
            losses.push(Loss::dropped(name, format!("the model takes it or `{rival}`, not both")));
            changes.push((name, Change::Drop));
            continue;
        }
        let range = match name {
            "temperature" => rules.temperature,
            "top_p" => rules.top_p_thinking.filter(|_| thinks).or(rules.top_p),
            _ => None,
        };
        if let (Some([least, most]), Value::Number(number)) = (range, setting.value)
            && !(least..=most).contains(&number)
        {
            let near = number.clamp(least, most);
            losses.push(Loss::adapted(name, format!("the model takes {least} to {most}: sent as {near}")));
            changes.push((name, Change::Set(near)));
        }
    }
    changes
}

/// Says whether a setting says no more than its absence.
fn is_default(setting: &Setting) -> bool {
    match (setting.name, setting.value) {
        ("temperature" | "top_p" | "choices", Value::Number(number)) => number == 1.0,
        ("presence_penalty" | "frequency_penalty", Value::Number(number)) => number == 0.0,
        (_, Value::Flag(flag)) => !flag,
        _ => false,
    }
}
