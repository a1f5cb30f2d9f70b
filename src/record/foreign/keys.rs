//! How many keys of a record are kept as such, whatever a log holds: every key becomes a term of an index.

use serde_json::{Map, Value};

/// Of more the rest is kept as one text.
const MOST_KEYS: usize = 1000;

/// Adds a value under its name, or, where another value has that name, under one with a number behind it.
pub(super) fn keep(extra: &mut Map<String, Value>, name: &str, value: Value) {
    let mut free = name.to_owned();
    let mut number = 1;
    while let Some(taken) = extra.get(&free) {
        if *taken == value {
            return;
        }
        number += 1;
        free = format!("{name}_{number}");
    }
    extra.insert(free, value);
}

/// Keeps the first thousand keys; the others become one text.
pub(super) fn bound(extra: &mut Map<String, Value>) {
    let mut keys = 0;
    let mut fits = 0;
    for value in extra.values() {
        keys += count(value);
        if keys > MOST_KEYS {
            break;
        }
        fits += 1;
    }
    if fits == extra.len() {
        return;
    }
    let rest: Map<String, Value> = std::mem::take(extra)
        .into_iter()
        .enumerate()
        .filter_map(|(place, (key, value))| {
            if place < fits {
                extra.insert(key, value);
                return None;
            }
            Some((key, value))
        })
        .collect();
    extra.insert("more".into(), Value::Object(rest).to_string().into());
}

fn count(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.values().map(count).sum::<usize>() + 1,
        Value::Array(list) => list.iter().map(count).sum::<usize>() + 1,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_keys_become_one_text() {
        let mut extra: Map<String, Value> = (0..5000).map(|n| (format!("k{n}"), n.into())).collect();
        bound(&mut extra);
        assert_eq!(extra.len(), MOST_KEYS + 1);
        assert!(extra["more"].as_str().expect("a text").contains("\"k4999\":4999"));
        let nested: Map<String, Value> = (0..20).map(|n| (format!("k{n}"), vec![n; 100].into())).collect();
        let mut few = nested.clone();
        bound(&mut few);
        assert!(few.len() < nested.len());
    }
}
