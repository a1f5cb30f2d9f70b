//! Bytes to [`Record`]: one line in, a record or a malformed record out. Never fails, never panics.
//!
//! A line is read once with serde_json into our own visitor; only unknown keys are kept as JSON values.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::{Body, Event, EventKind, Exception, Lane, LaneKind, Level, Log, Malformed, Record, Site, Stamp, time};

/// The longest line that a writer may write, in bytes.
pub const MAX_LINE: usize = 1 << 20;

/// How much of a malformed line is kept, in bytes.
pub const KEEP_OF_MALFORMED: usize = 64 * 1024;

/// Where a line stands: what its part's first line said, and its place in the part.
#[derive(Debug, Clone)]
pub struct Place {
    pub proc: Arc<str>,
    pub process: Option<u32>,
    pub part: u32,
    /// Offset of the line's first byte in the part, uncompressed.
    pub offset: u64,
}

/// The record of one line of a spool, without its newline.
pub fn decode(line: &[u8], place: &Place) -> Record {
    match read_line(line, place) {
        Ok(record) => record,
        Err(reason) => malformed(line, line.len(), place, reason),
    }
}

/// The record that stands for a line of `len` bytes, of which `line` is the beginning, that is none.
pub fn malformed(line: &[u8], len: usize, place: &Place, reason: String) -> Record {
    let kept = &line[..line.len().min(KEEP_OF_MALFORMED)];
    Record {
        ts: 0,
        mono: 0,
        proc: place.proc.clone(),
        process: place.process,
        pid: 0,
        lane: Lane { kind: LaneKind::Unreadable, number: u64::from(place.part) },
        seq: place.offset,
        hb: Vec::new(),
        hbl: Vec::new(),
        again: false,
        body: Body::Malformed(Box::new(Malformed { reason, bytes: kept.to_vec(), len })),
        extra: Map::new(),
    }
}

fn read_line(line: &[u8], place: &Place) -> Result<Record, String> {
    if line.len() > MAX_LINE {
        return Err(format!("a line of {} bytes; the most is {MAX_LINE}", line.len()));
    }
    let text = std::str::from_utf8(line).map_err(|error| format!("not UTF-8 at byte {}", error.valid_up_to()))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let keys = deserializer.deserialize_map(LineVisitor).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    keys.into_record(place)
}

/// The keys of a line, each in its type; everything else in `rest`.
#[derive(Default)]
struct Keys<'a> {
    ts: Option<Text<'a>>,
    mono: Option<u64>,
    proc: Option<Text<'a>>,
    pid: Option<u32>,
    lane: Option<Text<'a>>,
    seq: Option<u64>,
    hb: Vec<Stamp>,
    hbl: Vec<Stamp>,
    again: bool,
    ev: Option<Text<'a>>,
    level: Option<Text<'a>>,
    levelno: Option<u16>,
    logger: Option<String>,
    msg: Option<String>,
    tpl: Option<String>,
    thread: Option<String>,
    tid: Option<u64>,
    task: Option<String>,
    file: Option<String>,
    line: Option<u64>,
    func: Option<String>,
    exc: Option<Value>,
    stack: Option<Value>,
    rest: Map<String, Value>,
}

/// Text of a line, borrowed where it has no escapes. (`Cow` alone never borrows inside an `Option`.)
struct Text<'a>(std::borrow::Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text<'a>, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
                out.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(text.to_owned().into()))
            }
        }
        from.deserialize_str(TextVisitor)
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Keys<'de>;

    fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys<'de>, A::Error> {
        let mut keys = Keys::default();
        while let Some(key) = map.next_key::<Text>()? {
            let key = key.0;
            // An event's own keys may bear the names of a log record's (`thread`, `msg`, `stack`): those that both
            // have are moved to where they belong when the whole line is known.
            match key.as_ref() {
                "ts" => keys.ts = Some(value(&mut map, &key)?),
                "mono" => keys.mono = Some(value(&mut map, &key)?),
                "proc" => keys.proc = Some(value(&mut map, &key)?),
                "pid" => keys.pid = Some(value(&mut map, &key)?),
                "lane" => keys.lane = Some(value(&mut map, &key)?),
                "seq" => keys.seq = Some(value(&mut map, &key)?),
                "hb" => keys.hb = stamps(&mut map, &key)?,
                "hbl" => keys.hbl = stamps(&mut map, &key)?,
                "again" => keys.again = value(&mut map, &key)?,
                "ev" => keys.ev = Some(value(&mut map, &key)?),
                "level" => keys.level = Some(value(&mut map, &key)?),
                "levelno" => keys.levelno = Some(value(&mut map, &key)?),
                "logger" => keys.logger = Some(value(&mut map, &key)?),
                "msg" => keys.msg = Some(value(&mut map, &key)?),
                "tpl" => keys.tpl = Some(value(&mut map, &key)?),
                "thread" => keys.thread = Some(value(&mut map, &key)?),
                "tid" => keys.tid = Some(value(&mut map, &key)?),
                "task" => keys.task = Some(value(&mut map, &key)?),
                "file" => keys.file = Some(value(&mut map, &key)?),
                "line" => keys.line = Some(value(&mut map, &key)?),
                "func" => keys.func = value(&mut map, &key)?,
                "exc" => keys.exc = Some(value(&mut map, &key)?),
                "stack" => keys.stack = Some(value(&mut map, &key)?),
                "origin" => drop(map.next_value::<IgnoredAny>()?), // where a foreign line was read: for whoever writes on
                _ => {
                    let value = map.next_value::<Value>()?;
                    keys.rest.insert(key.into_owned(), value);
                }
            }
        }
        Ok(keys)
    }
}

/// The value of a key; an error names the key.
fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: &mut A, key: &str) -> Result<T, A::Error> {
    map.next_value().map_err(|error| serde::de::Error::custom(format_args!("{key}: {error}")))
}

fn stamps<'de, A: MapAccess<'de>>(map: &mut A, key: &str) -> Result<Vec<Stamp>, A::Error> {
    struct Stamps;
    impl<'de> DeserializeSeed<'de> for Stamps {
        type Value = Vec<Stamp>;
        fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Stamp>, D::Error> {
            Vec::<Text>::deserialize(from)?
                .iter()
                .map(|text| text.0.parse().map_err(serde::de::Error::custom))
                .collect()
        }
    }
    map.next_value_seed(Stamps).map_err(|error| serde::de::Error::custom(format_args!("{key}: {error}")))
}

impl Keys<'_> {
    fn into_record(mut self, place: &Place) -> Result<Record, String> {
        let ts = self.ts.take().ok_or("no ts")?;
        let ts = time::parse_rfc3339(&ts.0).ok_or_else(|| format!("ts: `{}` is no time", ts.0))?;
        let lane: Lane =
            self.lane.take().ok_or("no lane")?.0.parse().map_err(|error: super::id::BadName| error.to_string())?;
        let seq = match self.seq {
            Some(seq) if seq > 0 => seq,
            None if self.again => 0,
            _ => return Err("no seq".to_owned()),
        };
        let proc = match self.proc.take() {
            Some(proc) if proc.0 == *place.proc => place.proc.clone(),
            Some(proc) => Arc::from(proc.0.as_ref()),
            None => return Err("no proc".to_owned()),
        };
        let mut record = Record {
            ts,
            mono: self.mono.unwrap_or(0),
            process: if proc == place.proc { place.process } else { None },
            proc,
            pid: self.pid.unwrap_or(0),
            lane,
            seq,
            hb: std::mem::take(&mut self.hb),
            hbl: std::mem::take(&mut self.hbl),
            again: self.again,
            body: Body::Log(Box::default()),
            extra: Map::new(),
        };
        match self.ev.take() {
            Some(name) => record.body = Body::Event(self.into_event(&name.0)),
            None => self.into_log(&mut record)?,
        }
        Ok(record)
    }

    fn into_event(self, name: &str) -> Event {
        let mut keys = self.rest;
        let texts = [
            ("logger", self.logger),
            ("msg", self.msg),
            ("tpl", self.tpl),
            ("thread", self.thread),
            ("task", self.task),
            ("file", self.file),
            ("func", self.func),
            ("level", self.level.map(|level| level.0.into_owned())),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                keys.insert(key.to_owned(), Value::String(text));
            }
        }
        for (key, number) in [("tid", self.tid), ("line", self.line)] {
            if let Some(number) = number {
                keys.insert(key.to_owned(), number.into());
            }
        }
        for (key, value) in [("exc", self.exc), ("stack", self.stack)] {
            if let Some(value) = value {
                keys.insert(key.to_owned(), value);
            }
        }
        Event { kind: EventKind::named(name), name: name.into(), keys }
    }

    fn into_log(mut self, record: &mut Record) -> Result<(), String> {
        let mut level = Level::named(&self.level.ok_or("neither ev nor level")?.0);
        if let Some(number) = self.levelno {
            level.number = number;
        }
        let stack = match self.stack {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => return Err("stack: not a string".to_owned()),
        };
        let exc = match &self.exc {
            None | Some(Value::Null) => None,
            Some(value) => Some(Box::new(Exception::of_json(value).ok_or("exc: not {type, msg, stack, cause}")?)),
        };
        match self.rest.remove("extra") {
            Some(Value::Object(extra)) => {
                record.extra = extra;
                for (key, value) in self.rest {
                    record.extra.entry(key).or_insert(value);
                }
            }
            Some(other) => {
                self.rest.insert("extra".to_owned(), other);
                record.extra = self.rest;
            }
            None => record.extra = self.rest,
        }
        record.body = Body::Log(Box::new(Log {
            level,
            logger: self.logger.unwrap_or_default(),
            msg: self.msg.unwrap_or_default(),
            tpl: self.tpl,
            thread: self.thread,
            tid: self.tid,
            task: self.task,
            site: self.file.map(|file| Site {
                file,
                line: self.line.unwrap_or(0),
                func: self.func.unwrap_or_default(),
            }),
            exc,
            stack,
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::mutated;
    use proptest::prelude::*;

    fn place() -> Place {
        Place { proc: "42-aaaaaa".into(), process: Some(1), part: 1, offset: 77 }
    }

    fn reason(line: &[u8]) -> String {
        match decode(line, &place()).body {
            Body::Malformed(malformed) => malformed.reason,
            other => panic!("read as {other:?}"),
        }
    }

    const HEAD: &str =
        r#""ts":"2026-11-22T17:15:03.120431000Z","mono":5,"proc":"42-aaaaaa","pid":42,"lane":"t3","seq":2"#;

    #[test]
    fn a_log_record_keeps_everything() {
        let line = format!(
            r#"{{{HEAD},"hb":["t1@14|queue:2"],"level":"ERROR","logger":"shop","msg":"no 77","tpl":"no %s","file":"a.py","line":3,"func":"f","exc":{{"type":"ValueError","msg":"x","stack":[{{"file":"a.py","line":3,"func":"f","code":"boom()"}}],"cause":{{"type":"KeyError","msg":"'k'"}}}},"extra":{{"order_id":8812}},"new":true}}"#
        );
        let record = decode(line.as_bytes(), &place());
        assert_eq!(record.id().to_string(), "1.t3@2");
        assert_eq!(record.hb[0].to_string(), "t1@14|queue:2");
        let exc = record.exception().expect("an exception");
        assert_eq!((exc.kind.as_str(), exc.cause.expect("a cause").kind.as_str()), ("ValueError", "KeyError"));
        assert_eq!(record.extra["order_id"], 8812);
        assert_eq!(record.extra["new"], true);
        assert_eq!(record.log().expect("a log record").level.number, 40);
    }

    #[test]
    fn an_unknown_event_is_shown_as_it_is() {
        let record = decode(format!(r#"{{{HEAD},"ev":"teleport","to":"mars"}}"#).as_bytes(), &place());
        let event = record.event().expect("an event");
        assert_eq!((event.kind, &*event.name, &event.keys["to"]), (EventKind::Other, "teleport", &Value::from("mars")));
    }

    #[test]
    fn what_is_no_record_says_why() {
        assert!(reason(b"plain text").contains("expected value"));
        assert!(reason(b"[1]").contains("expected a JSON object"));
        assert!(reason(b"\xff\xfe").contains("not UTF-8 at byte 0"));
        assert!(reason(b"{}\0\0").contains("trailing"));
        assert!(reason(b"{}").contains("no ts"));
        assert!(reason(format!(r#"{{{HEAD},"level":7}}"#).as_bytes()).contains("level: "));
        assert!(reason(format!(r#"{{{HEAD},"level":"INFO","msg":5}}"#).as_bytes()).contains("msg: "));
        assert!(reason(&vec![b'a'; MAX_LINE + 1]).contains("a line of"));
        assert_eq!(decode(b"plain text", &place()).id().to_string(), "1.x1@77");
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = format!(r#"{{{HEAD},"level":"INFO","msg":"","extra":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert!(reason(deep.as_bytes()).contains("recursion"));
    }

    #[test]
    fn changed_lines_are_records_that_can_be_asked() {
        let lines = [
            format!(
                r#"{{{HEAD},"hb":["t1@14|queue:2","7-bbbbbb/a1@0"],"level":"ERROR","levelno":35,"logger":"shop","msg":"no \"77\"","tpl":"no %s","thread":"w","tid":7,"task":"T","file":"a.py","line":3,"func":"f","exc":{{"type":"E","msg":"x","stack":[{{"file":"a.py","line":3,"func":"f","code":"boom()"}}],"cause":{{"type":"K","msg":"'k'"}}}},"stack":"s","extra":{{"id":8812,"l":[1,{{"b":null}}]}},"new":-1.5e3}}"#
            ),
            format!(
                r#"{{{HEAD},"ev":"wait","on":"lock","obj":"lock:4","owner":"t3","since":9,"held":[{{"obj":"lock:1","site":["a.py",3,"f"]}}],"stack":[{{"file":"a.py","line":7,"func":"g"}}],"getters":{{"t3":4}}}}"#
            ),
            format!(r#"{{{HEAD},"again":true,"ev":"proc","n":1,"argv":["x"],"from":"9-cccccc/t1@3","hbl":["t1@2"]}}"#),
        ];
        mutated::each(&lines, |line| {
            let record = decode(line, &place());
            let mut said = 0;
            record.each_key(&mut |path, value| said += path.len() + value.to_string().len());
            said += record.exception().map_or(0, |exc| format!("{exc:?}").len() / 8);
            assert!(said < 64 * (line.len() + 64), "{said}");
            assert!(record.site().is_none_or(|site| site.file.len() <= 2 * line.len()));
        });
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes, &place());
        }

        #[test]
        fn any_value_of_any_key_is_a_record(
            key in "ts|mono|proc|pid|lane|seq|hb|hbl|level|msg|exc|stack|ev|extra|site|obj|argv|n|again",
            value in r#"[0-9]{1,3}|"[a-z@|/0-9]{0,6}"|null|true|\[\]|\{\}|\["t1@2"\]|-1|1e400"#,
            ev in r#"|,"ev":"(proc|lane|end|exit|child|reap|obj|wait|got|note|exc|lost)""#,
        ) {
            let line = format!(r#"{{{HEAD}{ev},"level":"INFO","{key}":{value}}}"#);
            decode(line.as_bytes(), &place());
        }
    }
}
