//! JSON for programs: a record is its own line with `id` and `process` added.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::record::{Body, Record, RecordId, time};
use crate::view::printable::is_active;

/// Writes a record as one JSON object on one line: its wire keys as they were written, plus `id` and `process`, the
/// number. `line` is the record's own line, without its newline.
pub fn write_record(record: &Record, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    if let Body::Malformed(malformed) = &record.body {
        let text = String::from_utf8_lossy(&malformed.bytes);
        let object = json!({
            "id": record.id().to_string(), "process": record.process, "proc": &*record.proc, "ev": "malformed",
            "reason": malformed.reason, "bytes": malformed.len, "text": text,
        });
        return writeln!(out, "{}", harmless(&object.to_string()));
    }
    write_identified(&record.id(), line, out)
}

/// As [`write_record`], for the line of a record of which no more is known than its id.
pub fn write_identified(id: &RecordId, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    // The line decoded, so it is one JSON object: what is added goes in front of its closing brace.
    let line = line.trim_ascii_end();
    let Some(open) = line.strip_suffix(b"}") else { return Ok(()) };
    match std::str::from_utf8(open) {
        Ok(text) => out.write_all(harmless(text).as_bytes())?,
        Err(_) => out.write_all(open)?,
    }
    writeln!(out, ",\"id\":{},\"process\":{}}}", Value::from(id.to_string()), Value::from(id.process))
}

/// Writes an answer as one line of JSON.
pub fn write_line(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", harmless(&value.to_string()))
}

/// JSON with every character that a terminal acts on written as `\u…`, which means the same: those that are no ASCII
/// controls may stand in JSON as they are. Line breaks stand only between values, and stay.
pub fn harmless(json: &str) -> Cow<'_, str> {
    let acts = |character: char| character != '\n' && is_active(character);
    // Most is plain ASCII, in which a look at the bytes is enough.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n');
    if json.as_bytes().iter().all(is_plain) || !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if acts(character) {
            // Writing into a String cannot fail.
            let _ = write!(clean, "\\u{:04x}", character as u32);
        } else {
            clean.push(character);
        }
    }
    Cow::Owned(clean)
}

/// A time as every JSON answer says it.
pub fn timestamp(ts: i64) -> Value {
    Value::from(time::to_rfc3339(ts))
}
