//! A line as an index sees it, read in one pass and mostly borrowed: what [`decode`](super::decode()) and then
//! [`Sketch`] would draw of it, without the record in between.
//!
//! Only for lines as our own writers write them: without blanks, identity first, no exception. Of any other line nothing
//! is said, and `decode` reads it.

use std::borrow::Cow;

use super::decode::Place;
use super::field::{FieldValue, Known};
use super::id::{Lane, StampRef};
use super::outline::{Head, Outline, Sketch, is_apart};
use super::{level, time};

/// Deeper values are left to the whole decoder, and so are objects with more keys.
const DEEPEST: usize = 16;
const MOST_KEYS: usize = 48;

/// What a line has for an index.
#[derive(Debug)]
pub struct LineSketch<'l> {
    ts: i64,
    severity: Option<u16>,
    known: [Option<FieldValue<'l>>; Known::ALL.len()],
    keys: Vec<Key<'l>>,
    /// The paths of the keys, one behind the other.
    paths: String,
}

#[derive(Debug)]
struct Key<'l> {
    /// Where its path ends; it begins where that of the key before it ends.
    path_end: usize,
    value: FieldValue<'l>,
    is_apart: bool,
}

impl Sketch for LineSketch<'_> {
    fn draw<'a>(&'a self, to: &mut dyn Outline<'a>) -> Head {
        for ((known, ..), value) in Known::ALL.iter().zip(&self.known) {
            if let Some(value) = value {
                to.known(*known, lent(value));
            }
        }
        let mut start = 0;
        for key in &self.keys {
            to.key(&self.paths[start..key.path_end], &key.value, key.is_apart);
            start = key.path_end;
        }
        Head { ts: self.ts, severity: self.severity }
    }
}

fn lent<'a>(value: &'a FieldValue<'_>) -> FieldValue<'a> {
    match value {
        FieldValue::Text(text) => FieldValue::Text(Cow::Borrowed(text)),
        FieldValue::Int(int) => FieldValue::Int(*int),
        FieldValue::Float(float) => FieldValue::Float(*float),
        FieldValue::Bool(value) => FieldValue::Bool(*value),
        FieldValue::Null => FieldValue::Null,
    }
}

impl<'l> LineSketch<'l> {
    /// What the line has, if it is one that can be read so.
    pub fn read(line: &'l [u8], place: &'l Place) -> Option<LineSketch<'l>> {
        let text = std::str::from_utf8(line).ok()?;
        let sketch = LineSketch {
            ts: 0,
            severity: None,
            known: [const { None }; Known::ALL.len()],
            keys: Vec::with_capacity(8),
            paths: String::with_capacity(64),
        };
        let mut reading = Reading { text, at: 0, sketch, place };
        reading.line()?;
        (reading.at == text.len()).then_some(reading.sketch)
    }

    fn set(&mut self, known: Known, value: FieldValue<'l>) -> Option<()> {
        // The last of two would count: left to the decoder.
        self.known[known as usize].replace(value).is_none().then_some(())
    }

    fn has(&self, known: Known) -> bool {
        self.known[known as usize].is_some()
    }
}

struct Reading<'l> {
    text: &'l str,
    at: usize,
    sketch: LineSketch<'l>,
    place: &'l Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unknown,
    Log,
    Event,
}

impl<'l> Reading<'l> {
    fn line(&mut self) -> Option<()> {
        self.expect(b'{')?;
        let mut kind = Kind::Unknown;
        let mut has_ts = false;
        let mut site_line = None;
        let mut names: Vec<&str> = Vec::new();
        loop {
            let name = self.plain_string()?;
            self.expect(b':')?;
            match name {
                "ts" => {
                    (!has_ts).then_some(())?;
                    has_ts = true;
                    self.sketch.ts = time::parse_rfc3339(self.plain_string()?)?;
                }
                "mono" | "seq" => {
                    let number = self.whole_number()?;
                    self.sketch.set(if name == "seq" { Known::Seq } else { Known::Mono }, int(number))?;
                }
                "pid" => {
                    let number = u32::try_from(self.whole_number()?).ok()?;
                    self.sketch.set(Known::Pid, int(u64::from(number)))?;
                }
                "proc" => {
                    let proc = self.plain_string()?;
                    (proc == &*self.place.proc).then_some(())?;
                    self.sketch.set(Known::Proc, FieldValue::Text(proc.into()))?;
                }
                "lane" => {
                    let lane = self.plain_string()?;
                    lane.parse::<Lane>().ok()?;
                    // `t03` is lane t3.
                    (!lane[1..].starts_with('0') || lane.len() == 2).then_some(())?;
                    self.sketch.set(Known::Lane, FieldValue::Text(lane.into()))?;
                }
                "hb" | "hbl" => self.stamps()?,
                "ev" if kind == Kind::Unknown => {
                    kind = Kind::Event;
                    let name = self.plain_string()?;
                    // What an exception is called stands elsewhere.
                    (name != "exc").then_some(())?;
                    self.sketch.set(Known::Ev, FieldValue::Text(name.into()))?;
                }
                "again" | "ev" | "levelno" | "exc" => return None,
                _ if kind == Kind::Event => {
                    (!names.contains(&name) && names.len() < MOST_KEYS).then_some(())?;
                    names.push(name);
                    self.key_of_event(name)?;
                }
                _ => {
                    kind = Kind::Log;
                    self.key_of_log(name, &mut site_line)?;
                }
            }
            match self.next()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        let whole = has_ts && self.sketch.has(Known::Proc) && self.sketch.has(Known::Lane);
        let has_seq = matches!(self.sketch.known[Known::Seq as usize], Some(FieldValue::Int(1..)));
        (whole && has_seq && kind != Kind::Unknown).then_some(())?;
        for known in [Known::Mono, Known::Pid] {
            self.sketch.known[known as usize].get_or_insert(FieldValue::Int(0));
        }
        if let Some(process) = self.place.process {
            self.sketch.set(Known::Process, int(u64::from(process)))?;
        }
        if kind == Kind::Log { self.end_log(site_line) } else { self.end_event() }
    }

    fn key_of_log(&mut self, name: &str, site_line: &mut Option<u64>) -> Option<()> {
        let known = match name {
            "level" => Known::Level,
            "logger" => Known::Logger,
            "msg" => Known::Msg,
            "tpl" => Known::Tpl,
            "thread" => Known::Thread,
            "task" => Known::Task,
            "file" => Known::File,
            "func" => Known::Func,
            "tid" => {
                let number = self.whole_number()?;
                return self.sketch.set(Known::Tid, int(number));
            }
            "line" => {
                let number = self.whole_number()?;
                return site_line.replace(number).is_none().then_some(());
            }
            "extra" => {
                (self.peek()? == b'{' && self.sketch.keys.is_empty()).then_some(())?;
                return self.object("", true, false, 0);
            }
            _ => return None,
        };
        let text = self.string()?;
        self.sketch.set(known, FieldValue::Text(text))
    }

    fn end_log(&mut self, site_line: Option<u64>) -> Option<()> {
        let Some(FieldValue::Text(level)) = &self.sketch.known[Known::Level as usize] else { return None };
        self.sketch.severity = Some(level::Level::number_of_name(level));
        for known in [Known::Logger, Known::Msg] {
            self.sketch.known[known as usize].get_or_insert(FieldValue::Text("".into()));
        }
        if self.sketch.has(Known::File) {
            self.sketch.known[Known::Line as usize] = Some(int(site_line.unwrap_or(0)));
            self.sketch.known[Known::Func as usize].get_or_insert(FieldValue::Text("".into()));
        } else {
            self.sketch.known[Known::Func as usize] = None;
        }
        Some(())
    }

    fn key_of_event(&mut self, name: &'l str) -> Option<()> {
        match name {
            "site" if self.peek()? == b'[' => {
                let before = self.at;
                self.value_of_key(name, true, 0)?;
                self.at = before;
                return self.site();
            }
            // Of another type they are no records.
            "logger" | "msg" | "tpl" | "thread" | "task" | "file" | "func" | "level" => {
                (self.peek()? == b'"').then_some(())?;
            }
            "tid" | "line" => {
                let before = self.at;
                self.whole_number()?;
                self.at = before;
            }
            _ => {}
        }
        let before = self.sketch.keys.len();
        self.value_of_key(name, is_apart(name), 0)?;
        let known = match name {
            "obj" => Known::Obj,
            "logger" => Known::Logger,
            "msg" => Known::Msg,
            "tpl" => Known::Tpl,
            "thread" => Known::Thread,
            "tid" => Known::Tid,
            "task" => Known::Task,
            "level" => Known::Level,
            "stack" => Known::Stack,
            _ => return Some(()),
        };
        // Of a list or an object nothing is a value of the field.
        let is_one = matches!(self.text.as_bytes()[self.at - 1], b']' | b'}');
        match self.sketch.keys.get(before) {
            Some(key) if !is_one => {
                let value = key.value.clone();
                self.sketch.set(known, value)
            }
            _ => Some(()),
        }
    }

    fn end_event(&mut self) -> Option<()> {
        if let Some(FieldValue::Text(level)) = &self.sketch.known[Known::Level as usize] {
            self.sketch.severity = Some(level::Level::number_of_name(level));
        }
        Some(())
    }

    /// Of `[file, line, func]` each that is no list and no object.
    fn site(&mut self) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        let mut fields = [Known::File, Known::Line, Known::Func].into_iter();
        loop {
            let field = fields.next();
            if matches!(self.peek()?, b'[' | b'{') {
                self.skip(1)?;
            } else {
                let value = self.scalar()?;
                if let Some(field) = field {
                    self.sketch.set(field, value)?;
                }
            }
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// The members of an object as keys below that path.
    fn object(&mut self, path: &str, is_top: bool, is_apart_above: bool, depth: usize) -> Option<()> {
        (depth < DEEPEST).then_some(())?;
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let mut names: Vec<&str> = Vec::new();
        loop {
            let name = self.plain_string()?;
            (!names.contains(&name) && names.len() < MOST_KEYS).then_some(())?;
            names.push(name);
            self.expect(b':')?;
            if is_top {
                self.value_of_key(name, is_apart_above, depth + 1)?;
            } else {
                let path = format!("{path}.{name}");
                self.value_of_key(&path, is_apart_above, depth + 1)?;
            }
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn value_of_key(&mut self, path: &str, is_apart_here: bool, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => {
                // What lies below an event's key is apart by its own whole path.
                (!is_apart_here).then_some(())?;
                self.object(path, false, false, depth + 1)
            }
            b'[' => {
                (depth < DEEPEST).then_some(())?;
                self.at += 1;
                if self.peek()? == b']' {
                    self.at += 1;
                    return Some(());
                }
                loop {
                    if matches!(self.peek()?, b'[' | b'{') {
                        self.skip(depth + 1)?;
                    } else {
                        let value = self.scalar()?;
                        self.put(path, value, is_apart_here);
                    }
                    match self.next()? {
                        b',' => {}
                        b']' => return Some(()),
                        _ => return None,
                    }
                }
            }
            _ => {
                let value = self.scalar()?;
                self.put(path, value, is_apart_here);
                Some(())
            }
        }
    }

    fn put(&mut self, path: &str, value: FieldValue<'l>, is_apart: bool) {
        self.sketch.paths.push_str(path);
        self.sketch.keys.push(Key { path_end: self.sketch.paths.len(), value, is_apart });
    }

    /// Passes over any value.
    fn skip(&mut self, depth: usize) -> Option<()> {
        (depth < DEEPEST).then_some(())?;
        let end = match self.peek()? {
            b'{' => b'}',
            b'[' => b']',
            _ => return self.scalar().map(drop),
        };
        self.at += 1;
        if self.peek()? == end {
            self.at += 1;
            return Some(());
        }
        loop {
            if end == b'}' {
                self.plain_string()?;
                self.expect(b':')?;
            }
            self.skip(depth + 1)?;
            match self.next()? {
                b',' => {}
                byte if byte == end => return Some(()),
                _ => return None,
            }
        }
    }

    fn stamps(&mut self) -> Option<()> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            StampRef::parse(self.plain_string()?)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn scalar(&mut self) -> Option<FieldValue<'l>> {
        let rest = &self.text[self.at..];
        let word = |text: &str| rest.starts_with(text).then_some(text.len());
        let (len, value) = match rest.as_bytes().first()? {
            b'"' => return self.string().map(FieldValue::Text),
            b't' => (word("true")?, FieldValue::Bool(true)),
            b'f' => (word("false")?, FieldValue::Bool(false)),
            b'n' => (word("null")?, FieldValue::Null),
            b'-' | b'0'..=b'9' => return self.number(),
            _ => return None,
        };
        self.at += len;
        Some(value)
    }

    fn number(&mut self) -> Option<FieldValue<'l>> {
        let rest = &self.text[self.at..];
        let is_of_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.bytes().take_while(|byte| is_of_number(byte)).count();
        let text = &rest[..len];
        let is_short = len < 18 && !text.starts_with('-') && (len == 1 || !text.starts_with('0'));
        let value = if is_short && text.bytes().all(|byte| byte.is_ascii_digit()) {
            FieldValue::Int(i128::from(text.parse::<u64>().ok()?))
        } else {
            // As the decoder reads it, to the last bit.
            let number: serde_json::Number = serde_json::from_str(text).ok()?;
            match number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)) {
                Some(int) => FieldValue::Int(int),
                None => FieldValue::Float(number.as_f64()?),
            }
        };
        self.at += len;
        Some(value)
    }

    /// A whole number that is not negative, of no more digits than surely fit.
    fn whole_number(&mut self) -> Option<u64> {
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (matches!(len, 1..19) && (len == 1 || rest[0] != b'0')).then_some(())?;
        let behind = rest.get(len)?;
        matches!(behind, b',' | b'}' | b']').then_some(())?;
        let number = self.text[self.at..self.at + len].parse().ok()?;
        self.at += len;
        Some(number)
    }

    fn string(&mut self) -> Option<Cow<'l, str>> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut is_plain = true;
        loop {
            let len = bytes[self.at..].iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
            self.at += len + 1;
            match bytes[self.at - 1] {
                b'"' => break,
                b'\\' => {
                    is_plain = false;
                    self.next()?;
                }
                _ => return None,
            }
        }
        if is_plain {
            return Some(Cow::Borrowed(&self.text[start..self.at - 1]));
        }
        serde_json::from_str(self.text.get(start - 1..self.at)?).ok().map(Cow::Owned)
    }

    /// A string without escapes.
    fn plain_string(&mut self) -> Option<&'l str> {
        self.expect(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
        (rest[len] == b'"').then_some(())?;
        let text = &self.text[self.at..self.at + len];
        self.at += len + 1;
        Some(text)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }
}

fn int(number: u64) -> FieldValue<'static> {
    FieldValue::Int(i128::from(number))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Body, decode};
    use super::*;

    fn place() -> Place {
        Place { proc: "42-aaaaaa".into(), process: Some(1), part: 1, offset: 77 }
    }

    #[derive(Default)]
    struct Drawn(Vec<String>);

    impl<'a> Outline<'a> for Drawn {
        fn known(&mut self, known: Known, value: FieldValue<'a>) {
            self.0.push(format!("{} = {value:?}", known.name()));
        }
        fn key(&mut self, path: &str, value: &FieldValue<'_>, is_apart: bool) {
            self.0.push(format!(".{path} = {value:?} {is_apart}"));
        }
    }

    fn drawn(sketch: &dyn Sketch) -> (Head, Vec<String>) {
        let mut drawn = Drawn::default();
        let head = sketch.draw(&mut drawn);
        drawn.0.sort();
        (head, drawn.0)
    }

    /// What is said of a line is what the decoder says of it; true where something is said.
    fn check(line: &str) -> bool {
        let place = place();
        let Some(sketch) = LineSketch::read(line.as_bytes(), &place) else { return false };
        let record = decode(line.as_bytes(), &place);
        assert!(!matches!(record.body, Body::Malformed(_)) && !record.again, "{line}: {record:?}");
        assert_eq!(drawn(&sketch), drawn(&record), "{line}");
        true
    }

    const HEAD: &str =
        r#"{"ts":"2026-11-22T17:15:03.120431000Z","mono":5,"proc":"42-aaaaaa","pid":42,"lane":"t3","seq":2"#;

    #[test]
    fn the_lines_of_our_writers_are_read() {
        for rest in [
            r#","level":"INFO","logger":"shop","msg":"a \"b\"","tpl":"a %r","thread":"x","tid":7,"file":"a.py","line":3,"func":"f","extra":{"id":7,"user":{"n":null},"l":[1,"a",[2]],"f":-1.5}}"#,
            r#","hb":["t1@14|queue:2"],"ev":"wait","obj":"lock:4","on":"lock","since":123456789012,"site":["a.py",3,"f"],"held":[{"obj":"lock:2","site":["a",1,"f"]}],"stack":[{"file":"a"}]}"#,
            r#","ev":"got","obj":"lock:4","waited":17,"res":"ok","passed":{"t3":1}}"#,
            r#","ev":"zap","level":"Level 35","msg":"x","logger":"l","tid":4}"#,
        ] {
            assert!(check(&format!("{HEAD}{rest}")), "{rest}");
        }
    }

    proptest! {
        #[test]
        fn what_is_said_is_true(
            keys in prop::collection::vec((
                prop::sample::select(&["ev", "level", "msg", "tpl", "logger", "thread", "task", "file", "line", "func", "tid", "extra",
                    "exc", "stack", "obj", "site", "hb", "hbl", "again", "levelno", "seq", "pid", "x", "since", "type", "from"][..]),
                prop::sample::select(&[r#""INFO""#, r#""a\n\u00e9 \"b""#, r#""""#, "7", "-0", "0", "1.5", "1e3", "null", "true", "[]",
                    "{}", r#"["a.py",3,"f"]"#, r#"["t1@2"]"#, r#"{"a":1,"b":{"c":[1,null,"x"]}}"#, r#"{"a":1,"a":2}"#, "18446744073709551615", "01",
                    r#"{"type":"E","msg":"m"}"#, r#"[{"file":"a"},[1]]"#, r#"{"":{"x":1}}"#, r#""lock:1""#, r#""exc""#, r#""wait""#][..]),
            ), 0..7),
            is_event in any::<bool>(),
            cut in 0_usize..400,
        ) {
            let mut line = format!(r#"{HEAD}{}"#, if is_event { r#","ev":"note""# } else { r#","level":"DEBUG","msg":"m""# });
            for (key, value) in keys {
                line.push_str(&format!(r#","{key}":{value}"#));
            }
            line.push('}');
            check(&line);
            let cut = cut.min(line.len());
            if line.is_char_boundary(cut) {
                check(&line[..cut]);
            }
        }
    }
}
