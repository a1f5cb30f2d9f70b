//! OpenTelemetry's own JSON: batches as the collector's file exporter writes them, one line many records; and its scale of
//! severities.

use serde_json::{Map, Value};

use super::level_of_number;
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

/// The records of a batch, each in the flat form of the data model; `None` where the object is no batch.
pub(super) fn records(batch: &Map<String, Value>) -> Option<Vec<Map<String, Value>>> {
    let mut records = Vec::new();
    for of_resource in batch.get("resourceLogs")?.as_array()? {
        let resource = attributes(of_resource.get("resource").and_then(|resource| resource.get("attributes")));
        for of_scope in list(of_resource.get("scopeLogs")) {
            let scope = of_scope.get("scope").and_then(|scope| scope.get("name"));
            for record in list(of_scope.get("logRecords")) {
                let Value::Object(record) = record else { continue };
                records.push(flat(record, &resource, scope));
            }
        }
    }
    Some(records)
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn flat(record: &Map<String, Value>, resource: &Map<String, Value>, scope: Option<&Value>) -> Map<String, Value> {
    let mut flat = Map::new();
    for (key, value) in record {
        let value = match key.as_str() {
            "attributes" => Value::Object(attributes(Some(value))),
            "body" => plain(value),
            // 64 bit numbers are texts in this form.
            "timeUnixNano" | "observedTimeUnixNano" if value == "0" => continue,
            _ => value.clone(),
        };
        flat.insert(key.clone(), value);
    }
    if let Some(scope) = scope {
        flat.entry("logger").or_insert_with(|| scope.clone());
    }
    for (key, value) in resource {
        flat.entry(key.clone()).or_insert_with(|| value.clone());
    }
    flat
}

/// `[{"key": …, "value": {"stringValue": …}}]` as an object.
fn attributes(listed: Option<&Value>) -> Map<String, Value> {
    let pairs =
        list(listed).iter().filter_map(|pair| Some((pair.get("key")?.as_str()?.to_owned(), plain(pair.get("value")?))));
    pairs.collect()
}

/// A value without the name of its type.
fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else { return value.clone() };
    match kind.as_str() {
        "stringValue" | "boolValue" | "doubleValue" | "bytesValue" => inner.clone(),
        "intValue" => match inner.as_str().and_then(|text| text.parse::<i64>().ok()) {
            Some(int) => int.into(),
            None => inner.clone(),
        },
        "arrayValue" => Value::Array(list(inner.get("values")).iter().map(plain).collect()),
        "kvlistValue" => Value::Object(attributes(inner.get("values"))),
        _ => value.clone(),
    }
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
}
