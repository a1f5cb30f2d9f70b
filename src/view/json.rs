//! JSON for programs: a record is its own line with `id` and `process` added.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::record::{Body, Record, time};
use crate::view::printable::is_active;

/// Writes a record as one JSON object on one line: its wire keys as they were written, plus `id` and `process`, the
/// number. `line` is the record's own line, without its newline.
pub fn write_record(record: &Record, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let id = record.id().to_string();
    if let Body::Malformed(malformed) = &record.body {
        let text = String::from_utf8_lossy(&malformed.bytes);
        let object = json!({
            "id": id, "process": record.process, "proc": &*record.proc, "ev": "malformed",
            "reason": malformed.reason, "bytes": malformed.len, "text": text,
        });
        return writeln!(out, "{object}");
    }
    // The line decoded, so it is one JSON object: what is added goes in front of its closing brace.
    let line = line.trim_ascii_end();
    let Some(open) = line.strip_suffix(b"}") else { return Ok(()) };
    out.write_all(open_escaped(open).as_ref())?;
    writeln!(out, ",\"id\":{},\"process\":{}}}", Value::from(id), Value::from(record.process))
}

/// Characters that a terminal acts on are legal inside JSON text when they are not ASCII controls: they are written
/// as `\u…`, which means the same.
fn open_escaped(line: &[u8]) -> Cow<'_, [u8]> {
    let Ok(text) = std::str::from_utf8(line) else { return Cow::Borrowed(line) };
    if text.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) || !text.contains(is_active) {
        return Cow::Borrowed(line);
    }
    let mut clean = String::with_capacity(line.len() + 16);
    for character in text.chars() {
        if is_active(character) {
            clean.push_str(&format!("\\u{:04x}", character as u32));
        } else {
            clean.push(character);
        }
    }
    Cow::Owned(clean.into_bytes())
}

/// A time as every JSON answer says it.
pub fn timestamp(ts: i64) -> Value {
    Value::from(time::to_rfc3339(ts))
}
