//! What loguru writes with `serialize=True`.

use serde_json::{Map, Value};

use super::clock::Clock;
use super::json::time_of;
use super::{Said, keys, traceback};
use crate::record::Level;

/// loguru's `{"text": …, "record": {…}}`: the record, and its text as the key `text`.
pub(super) fn record(mut object: Map<String, Value>) -> Result<Map<String, Value>, Map<String, Value>> {
    let is_record = |value: &Value| value.get("level").is_some_and(|level| level.get("no").is_some());
    let has_both = object.contains_key("text") && object.get("record").is_some_and(is_record);
    if object.len() != 2 || !has_both {
        return Err(object);
    }
    match (object.remove("record"), object.remove("text")) {
        (Some(Value::Object(mut record)), text) => {
            record.insert("text".into(), text.unwrap_or_default());
            Ok(record)
        }
        _ => Err(object),
    }
}

/// What such a record says.
pub(super) fn said(mut record: Map<String, Value>, clock: &Clock) -> Said {
    let mut take = |key: &str| record.remove(key).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (level, process, thread, file, time) =
        (take("level"), take("process"), take("thread"), take("file"), take("time"));
    let number = level["no"].as_u64().and_then(|number| u16::try_from(number).ok()).unwrap_or(20);
    let name = level["name"].as_str().unwrap_or("INFO");
    let said_time = time["repr"].as_str().and_then(|text| clock.read(text));
    let (whole, exception) = (take("text"), take("exception"));
    // Before the traceback the text says what the record does.
    let rendered = |text: &str| traceback::parse(&text[text.find(traceback::HEADING)?..]);
    let mut exc = whole.as_str().filter(|_| !exception.is_null()).and_then(rendered);
    if exc.is_none() && exception["type"].is_string() {
        exc = Some(
            serde_json::json!({"type": exception["type"], "msg": exception["value"].as_str().unwrap_or_default(), "stack": []}),
        );
    }
    let mut said = Said {
        ts: said_time.or_else(|| time_of(&time["timestamp"], clock)),
        level: Some(Level { name: name.into(), number }),
        logger: text(&take("name")),
        msg: text(&take("message")).unwrap_or_default(),
        thread: text(&thread["name"]),
        tid: thread["id"].as_u64(),
        pid: process["id"].as_u64().and_then(|pid| u32::try_from(pid).ok()),
        process: text(&process["name"]),
        file: text(&file["path"]),
        line: take("line").as_u64(),
        func: text(&take("function")),
        exc,
        ..Said::default()
    };
    for key in ["elapsed", "module"] {
        take(key);
    }
    if let Value::Object(extra) = take("extra") {
        said.extra = extra;
    }
    for (key, value) in record {
        said.extra.entry(key).or_insert(value);
    }
    keys::bound(&mut said.extra);
    said
}
