//! OpenTelemetry's own JSON: batches as the collector's file exporter writes them, one line many records; and its scale of
//! severities.

use serde_json::{Map, Value};

use super::{keys, level_of_number};
use crate::record::Level;

/// The level of a severity number, 1 to 24.
pub(super) fn level(number: u64) -> Option<Level> {
    let number = match number {
        1..=4 => 5,
        5..=8 => 10,
        9..=12 => 20,
        13..=16 => 30,
        17..=20 => 40,
        21..=24 => 50,
        _ => return None,
    };
    Some(level_of_number(number))
}

/// What all records of a batch say is written with each of them: so much of it together, in bytes.
const MOST_REPEATED: usize = 8 << 20;

/// The records of a batch, each in the flat form of the data model. `None` where the object is no batch, or one of which not
/// all could be told so.
pub(super) fn records(batch: &Map<String, Value>) -> Option<Vec<Map<String, Value>>> {
    let mut records = Vec::new();
    let mut repeated = 0;
    for of_resource in batch.get("resourceLogs")?.as_array()? {
        let mut of_all = Map::new();
        others(batch, &["resourceLogs"], "batch", &mut of_all);
        others(of_resource.as_object()?, &["resource", "scopeLogs"], "resource", &mut of_all);
        if let Some(resource) = of_resource.get("resource") {
            others(resource.as_object()?, &["attributes"], "resource", &mut of_all);
            add(&mut of_all, attributes(resource.get("attributes"))?);
        }
        for of_scope in of_resource.get("scopeLogs")?.as_array()? {
            let mut of_scope_too = of_all.clone();
            others(of_scope.as_object()?, &["scope", "logRecords"], "scope", &mut of_scope_too);
            if let Some(scope) = of_scope.get("scope") {
                others(scope.as_object()?, &["name", "attributes"], "scope", &mut of_scope_too);
                add(&mut of_scope_too, attributes(scope.get("attributes"))?);
            }
            let name = of_scope.get("scope").and_then(|scope| scope.get("name"));
            let size = Value::Object(of_scope_too.clone()).to_string().len();
            for record in of_scope.get("logRecords")?.as_array()? {
                repeated += size;
                if repeated > MOST_REPEATED {
                    return None;
                }
                records.push(flat(record.as_object()?, &of_scope_too, name)?);
            }
        }
    }
    // A batch of nothing is a line all the same.
    (!records.is_empty()).then_some(records)
}

/// What a part of a batch says besides its members that are known, under names of its own.
fn others(object: &Map<String, Value>, known: &[&str], of: &str, into: &mut Map<String, Value>) {
    for (key, value) in object.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        keys::keep(into, &format!("{of}.{key}"), value.clone());
    }
}

fn flat(record: &Map<String, Value>, of_all: &Map<String, Value>, scope: Option<&Value>) -> Option<Map<String, Value>> {
    let mut flat = Map::new();
    for (key, value) in record {
        let value = match key.as_str() {
            "attributes" => Value::Object(attributes(Some(value))?),
            "body" => plain(value)?,
            // 64 bit numbers are texts in this form.
            "timeUnixNano" | "observedTimeUnixNano" if value == "0" => continue,
            _ => value.clone(),
        };
        flat.insert(key.clone(), value);
    }
    if let Some(scope) = scope {
        keys::keep(&mut flat, "logger", scope.clone());
    }
    add(&mut flat, of_all.clone());
    Some(flat)
}

fn add(to: &mut Map<String, Value>, members: Map<String, Value>) {
    for (key, value) in members {
        keys::keep(to, &key, value);
    }
}

/// `[{"key": …, "value": {"stringValue": …}}]` as an object; no two may have one key.
fn attributes(listed: Option<&Value>) -> Option<Map<String, Value>> {
    let mut members = Map::new();
    let Some(listed) = listed.filter(|listed| !listed.is_null()) else { return Some(members) };
    for pair in listed.as_array()? {
        let value = pair.get("value").map_or(Some(Value::Null), plain)?;
        if members.insert(pair.get("key")?.as_str()?.to_owned(), value).is_some() {
            return None;
        }
    }
    Some(members)
}

/// A value without the name of its type.
fn plain(value: &Value) -> Option<Value> {
    let Some((kind, inner)) = value.as_object().filter(|object| object.len() == 1).and_then(|one| one.iter().next())
    else {
        return Some(value.clone());
    };
    Some(match kind.as_str() {
        "stringValue" | "boolValue" | "doubleValue" | "bytesValue" => inner.clone(),
        "intValue" => match inner.as_str().and_then(|text| text.parse::<i64>().ok()) {
            Some(int) => int.into(),
            None => inner.clone(),
        },
        "arrayValue" => {
            let values = inner.get("values").map_or(Some(&[][..]), |values| values.as_array().map(Vec::as_slice))?;
            Value::Array(values.iter().map(plain).collect::<Option<_>>()?)
        }
        "kvlistValue" => Value::Object(attributes(inner.get("values"))?),
        _ => value.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Clock, json};

    #[test]
    fn a_batch_is_many_records() {
        // As the collector's file exporter writes it: https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
        let line = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"process.pid","value":{"intValue":"42"}}]},"scopeLogs":[{"scope":{"name":"shop.orders"},"logRecords":[{"timeUnixNano":"1581452773000000789","severityNumber":9,"severityText":"Info","body":{"stringValue":"one"},"attributes":[{"key":"order_id","value":{"intValue":"8812"}},{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}}]},{"severityNumber":17,"body":{"stringValue":"two"}}]}]}]}"#;
        let clock = Clock { zone: None, near: 0 };
        let said = json::read(line, &clock).expect("JSON");
        assert_eq!(said.len(), 2);
        assert_eq!((said[0].ts, said[0].msg.as_str(), said[0].pid), (Some(1_581_452_773_000_000_789), "one", Some(42)));
        assert_eq!((said[0].logger.as_deref(), &said[0].extra["order_id"]), (Some("shop.orders"), &8812.into()));
        assert_eq!(said[1].level.as_ref().map(|level| level.number), Some(40));
    }
    #[test]
    fn nothing_of_a_batch_vanishes_and_none_grows_beyond_measure() {
        let clock = Clock { zone: None, near: 0 };
        let told = |line: &str| json::read(line, &clock).expect("JSON");
        for odd in [
            r#"{"resourceLogs":[]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[]}]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}},"lost?"]}]}]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"kee":"x"}]}]}]}]}"#,
            r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}]}],"resource":"text"}]}"#,
        ] {
            let said = told(odd);
            let kept = said[0].extra.get("resourceLogs").map(ToString::to_string).unwrap_or_default();
            assert_eq!((said.len(), format!("{{\"resourceLogs\":{kept}}}")), (1, odd.to_owned()));
        }
        let said = told(
            r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"body","value":{"stringValue":"r"}}]},"schemaUrl":"u","scopeLogs":[{"scope":{"name":"s","version":"1"},"logRecords":[{"body":{"stringValue":"b"}}]}]}]}"#,
        );
        let extra = serde_json::json!({"body_2": "r", "resource.schemaUrl": "u", "scope.version": "1"});
        assert_eq!((said[0].msg.as_str(), serde_json::Value::Object(said[0].extra.clone())), ("b", extra));
        let large = format!(r#"{{"key":"k","value":{{"stringValue":"{}"}}}}"#, "x".repeat(100_000));
        let bodies = vec![r#"{"body":{"stringValue":"b"}}"#; 1000].join(",");
        let said = told(&format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{large}]}},"scopeLogs":[{{"logRecords":[{bodies}]}}]}}]}}"#
        ));
        assert_eq!(said.len(), 1, "1000 × 100 kB");
    }
}
