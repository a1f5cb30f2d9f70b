//! What differs between runs, as one JSON document.

use serde_json::{Value, json};

use crate::causality::NodeRef;
use crate::diff::{Account, Act, Count, LockFrom, NameId, Part, RoleId, Separator, Side};
use crate::view::diff::{Many, Pair, Sample};
use crate::view::diff_words::Words;

pub fn pair(pair: &Pair) -> Value {
    let (one, other, difference) = (pair.one.run, pair.other.run, pair.difference);
    let words = Words { names: pair.names, roles: pair.roles };
    let count = |count: &Count| {
        json!({
            "lanes": words.role(count.role),
            "made_at": made_at(words, count.role),
            "record": count.what.map(|what| name(words, what)),
            "a": count.one,
            "b": count.other,
            "first_in_a": id(one, count.first.0),
            "first_in_b": id(other, count.first.1),
        })
    };
    let tally = &difference.tally;
    let of = |keep: fn(&Count) -> bool| tally.records.iter().filter(|count| keep(count)).map(count).collect::<Vec<_>>();
    json!({
        "a": sample(pair.one),
        "b": sample(pair.other),
        "same": difference.is_none(),
        "part": difference.part.as_ref().map(|part| part_of(pair, words, part)),
        "other_parts": difference.parts,
        "only_in_a": of(|count| count.other == 0),
        "only_in_b": of(|count| count.one == 0),
        "counts": of(|count| count.one > 0 && count.other > 0),
        "lanes": tally.lanes.iter().map(count).collect::<Vec<_>>(),
        "durations": tally.lasting.iter().map(|lasting| json!({
            "lanes": lasting.role.map(|role| words.role(role)),
            "wait": lasting.wait.map(|wait| name(words, wait)),
            "a_ns": lasting.one,
            "b_ns": lasting.other,
        })).collect::<Vec<_>>(),
        "shared_out_otherwise": difference.shuffled.iter().map(|role| words.role(*role)).collect::<Vec<_>>(),
    })
}

/// `pair`: the failing run and the passing one most like it.
pub fn many(many: &Many, pair: Value) -> Value {
    let words = Words { names: many.names, roles: many.roles };
    let outcome = many.outcome;
    let separator = |separator: &Separator| {
        let example = separator.example.map(|(run, at)| {
            let run = many.runs[run].run;
            json!({"run": run.name, "id": run.graph.id(at).to_string()})
        });
        json!({
            "what": words.feature(&separator.feature, separator.at_least),
            "at_least": separator.at_least,
            "failed": separator.failed,
            "passed": separator.passed,
            "score": separator.score,
            "place": separator.place,
            "example": example,
        })
    };
    json!({
        "passed": many.passed,
        "failed": many.failed,
        "runs": many.runs.iter().map(|run| sample(*run)).collect::<Vec<_>>(),
        "moves_with_outcome": outcome.separators.iter().map(separator).collect::<Vec<_>>(),
        "varying_facts": outcome.varying,
        "ways_to_divide": outcome.ways.to_string(),
        "too_few_runs": outcome.too_few(),
        "closest": pair,
    })
}

fn sample(sample: Sample) -> Value {
    json!({"run": sample.run.name, "missing": sample.lacks})
}

fn part_of(pair: &Pair, words: Words, part: &Part) -> Value {
    json!({
        "a": part.one.map(|side| side_of(pair.one.run, words, side)),
        "b": part.other.map(|side| side_of(pair.other.run, words, side)),
        "lock_in_a": part.locks.0.map(|lock| lock_of(pair.one.run, words, lock)),
        "lock_in_b": part.locks.1.map(|lock| lock_of(pair.other.run, words, lock)),
    })
}

fn side_of(run: &Account, words: Words, side: Side) -> Value {
    let kind = side.next.map(|step| match step.act {
        Act::Record(_) => "record",
        Act::Took { .. } => "hand-over",
        Act::Began(_) => "start",
    });
    json!({
        "lane": run.graph.address(side.lane),
        "name": run.graph.lane(side.lane).display_name(),
        "id": id(run, side.next.map(|step| step.at)),
        "kind": kind,
        "does": side.next.map_or_else(|| words.standing(run, side.lane), |step| words.step(run, &step)),
        "from": side.next.and_then(|step| step.from).and_then(|(_, from)| id(run, from)),
        "after": id(run, side.before.map(|step| step.at)),
    })
}

fn lock_of(run: &Account, words: Words, lock: LockFrom) -> Value {
    json!({
        "lock": name(words, lock.lock),
        "after": run.graph.address(lock.holder),
        "id": id(run, Some(lock.at)),
    })
}

fn made_at(words: Words, role: RoleId) -> Option<String> {
    words.roles.get(role).place.as_ref().map(|place| format!("{}:{}", place.file, place.line))
}

fn name(words: Words, what: NameId) -> Value {
    let name = words.names.get(what);
    let place = name.place.as_ref();
    json!({"text": name.text, "file": place.map(|place| &place.file), "line": place.map(|place| place.line)})
}

fn id(run: &Account, at: Option<NodeRef>) -> Option<String> {
    at.map(|at| run.graph.id(at).to_string())
}
