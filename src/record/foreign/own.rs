//! Lines of logq's own that are found in a log: copied as they are, with the place where they were read. What only looks like
//! one is any other line.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::wire::{Origin, Written, written};
use crate::record::decode::MAX_LINE;
use crate::record::{Lane, time};

/// A line that is logq's own already, found in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The key of its process.
    pub proc: String,
    /// The line up to its closing brace.
    open: String,
}

impl Own {
    /// `None` where it is not certain that a reader takes the line, with its place added, for a record of that process.
    pub(super) fn of(text: &str) -> Option<Own> {
        let has = |key: &LazyLock<Finder>| key.find(text.as_bytes()).is_some();
        let is_likely = text.trim_start().starts_with('{') && has(&MONO) && has(&LANE) && !text.contains('\n');
        if !is_likely || text.len() > MAX_LINE - LONGEST_ORIGIN {
            return None;
        }
        let told: Told = serde_json::from_str(text).ok()?;
        if !is_key(&told.proc) {
            return None;
        }
        let mut line = text.to_owned();
        if told.origin.is_some() {
            // It was read from another log before. Two of one name would make the line unreadable.
            let mut keys: Map<String, Value> = serde_json::from_str(text).ok()?;
            keys.shift_remove("origin");
            line = serde_json::to_string(&keys).ok()?;
        }
        let is_readable = |line: &Written| line.lane.parse::<Lane>().is_ok() && time::parse_rfc3339(&line.ts).is_some();
        written(line.as_bytes()).filter(is_readable)?;
        let open = line.strip_suffix('}')?.to_owned();
        Some(Own { proc: told.proc, open })
    }

    /// Appends the line with the place where it was read.
    pub fn write(&self, origin: Origin, out: &mut Vec<u8>) {
        // Five numbers can always be written.
        let places = serde_json::to_string(&origin).unwrap_or_default();
        out.extend_from_slice(format!("{},\"origin\":{places}}}\n", self.open).as_bytes());
    }
}

static MONO: LazyLock<Finder> = LazyLock::new(|| Finder::new(b"\"mono\":"));
static LANE: LazyLock<Finder> = LazyLock::new(|| Finder::new(b"\"lane\":"));

/// More than an origin takes in a line.
const LONGEST_ORIGIN: usize = 128;

/// What must stand in a line of logq's own.
#[derive(Deserialize)]
struct Told {
    proc: String,
    #[serde(rename = "mono")]
    _mono: u64,
    #[serde(default, deserialize_with = "there")]
    origin: Option<()>,
}

/// That a key is there, whatever its value.
fn there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<()>, D::Error> {
    serde::de::IgnoredAny::deserialize(from).map(|_| Some(()))
}

/// `<pid>-<6 letters or digits>`.
fn is_key(proc: &str) -> bool {
    let Some((pid, unique)) = proc.split_once('-') else { return false };
    // As long as a pid may be: the key becomes the name of a file.
    let is_pid = pid.bytes().all(|byte| byte.is_ascii_digit()) && pid.len() <= 10 && pid.parse::<u32>().is_ok();
    is_pid && unique.len() == 6 && unique.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin = Origin { file: 1, offset: 20, len: 30, index: 0, print: 7 };

    #[test]
    fn a_line_of_ours_is_one_only_where_it_is_so_with_its_place_too() {
        let line = |proc: &str, more: &str| {
            format!(r#"{{"ts":"2026-11-23T05:48:58Z","mono":1,"proc":"{proc}","pid":4,"lane":"t1","seq":2{more}}}"#)
        };
        let copied = |text: &str| {
            let mut out = Vec::new();
            Own::of(text)?.write(ORIGIN, &mut out);
            String::from_utf8(out).ok()
        };
        let expected = line("4-abcdef", r#","origin":[1,20,30,0,7]"#) + "\n";
        for before in ["", r#","origin":[9,9,9,9,9]"#, r#","origin":null"#, r#","\u006frigin":{}"#] {
            assert_eq!(copied(&line("4-abcdef", before)).as_ref(), Some(&expected), "{before}");
        }
        assert_eq!(written(expected.as_bytes()).and_then(|line| line.origin), Some(ORIGIN));
        let key = format!("{}-abcdef", "1".repeat(300));
        for proc in [&*key, "4294967296-abcdef", "-abcdef", "4-abcde", "4-../../x"] {
            assert_eq!(copied(&line(proc, "")), None, "{proc}");
        }
        for false_one in [
            line("4-abcdef", ",\n\"x\":1"),
            line("4-abcdef", r#","proc":"5-abcdef""#),
            line("4-abcdef", r#","n":"one""#),
            line("4-abcdef", "").replace("t1", "no lane"),
            line("4-abcdef", "").replace("2026", "soon"),
            line("4-abcdef", &format!(r#","msg":"{}""#, "x".repeat(MAX_LINE - 150))),
        ] {
            assert_eq!(copied(&false_one), None, "{}", &false_one[..100]);
        }
    }
}
