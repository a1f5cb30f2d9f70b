//! Fields: what a query may name, of what type each is, and the values that a record has for it.
//!
//! The known fields are a table. Every other name is a dotted path into what was passed with `extra=`, or into
//! the keys of an event.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::{Body, Record, foreign};

/// How a field's values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Whole values, case ignored.
    Keyword,
    /// Words of a text.
    Text,
    Number,
    /// Nanoseconds since 1970; written as a time.
    Time,
    /// Ordered severity names.
    Level,
    /// Whatever the record has there: numbers compare as numbers, texts as words.
    Any,
}

macro_rules! known_fields {
    ($($variant:ident = $name:literal: $type:ident, $about:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Known { $(#[doc = $about] $variant,)* }

        impl Known {
            /// Every known field: its name, its type, what it is.
            pub const ALL: &'static [(Known, &'static str, FieldType, &'static str)] =
                &[$((Known::$variant, $name, FieldType::$type, $about),)*];
        }
    };
}

known_fields! {
    Ts = "ts": Time, "wall clock";
    Mono = "mono": Number, "monotonic clock, ns";
    Proc = "proc": Keyword, "the process's unique key";
    Process = "process": Number, "the process's number in its run";
    Pid = "pid": Number, "the process's pid";
    Lane = "lane": Keyword, "the lane in its process: t3, a17";
    Seq = "seq": Number, "number in the lane";
    Level = "level": Level, "severity";
    Logger = "logger": Keyword, "the logger's name";
    Msg = "msg": Text, "the message, formatted";
    Tpl = "tpl": Text, "the message before formatting";
    Thread = "thread": Keyword, "the thread's name";
    Tid = "tid": Number, "the native thread id";
    Task = "task": Keyword, "the task's name";
    File = "file": Text, "source file";
    Line = "line": Number, "source line";
    Func = "func": Text, "function";
    ExcType = "exc.type": Text, "type of the exception";
    ExcMsg = "exc.msg": Text, "message of the exception";
    Stack = "stack": Text, "text of stack_info";
    Ev = "ev": Keyword, "kind of event; `malformed` for a line that is no record";
    Obj = "obj": Keyword, "the object of an event, like queue:2";
}

impl Known {
    const fn row(self) -> &'static (Known, &'static str, FieldType, &'static str) {
        // The table is made by the macro from the same list as the enum, in the same order.
        &Known::ALL[self as usize]
    }

    pub const fn name(self) -> &'static str {
        self.row().1
    }

    pub fn field_type(self) -> FieldType {
        self.row().2
    }
}

/// A field of a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    Known(Known),
    /// A dotted path into `extra` or into an event's keys: `order_id`, `user.name`, `on`.
    Key(Box<str>),
}

impl Field {
    /// The field of that name, ours or another system's; every name is a field.
    pub fn named(name: &str) -> Field {
        let name = foreign::canonical(name);
        match Known::ALL.iter().find(|(_, own, ..)| *own == name) {
            Some((known, ..)) => Field::Known(*known),
            None => Field::Key(name.strip_prefix("extra.").unwrap_or(name).into()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Field::Known(known) => known.name(),
            Field::Key(path) => path,
        }
    }

    pub fn field_type(&self) -> FieldType {
        match self {
            Field::Known(known) => known.field_type(),
            Field::Key(_) => FieldType::Any,
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// One value of a record's field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue<'a> {
    Text(Cow<'a, str>),
    Int(i128),
    Float(f64),
    Bool(bool),
    Null,
}

impl<'a> FieldValue<'a> {
    fn text(text: &'a str) -> FieldValue<'a> {
        FieldValue::Text(Cow::Borrowed(text))
    }

    fn of_json(value: &'a Value) -> Option<FieldValue<'a>> {
        Some(match value {
            Value::Null => FieldValue::Null,
            Value::Bool(value) => FieldValue::Bool(*value),
            Value::String(text) => FieldValue::text(text),
            Value::Number(number) => {
                match number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)) {
                    Some(int) => FieldValue::Int(int),
                    None => FieldValue::Float(number.as_f64()?),
                }
            }
            Value::Array(_) | Value::Object(_) => return None,
        })
    }
}

impl fmt::Display for FieldValue<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FieldValue::Text(text) => out.write_str(text),
            FieldValue::Int(int) => write!(out, "{int}"),
            FieldValue::Float(float) => write!(out, "{float}"),
            FieldValue::Bool(value) => write!(out, "{value}"),
            FieldValue::Null => out.write_str("null"),
        }
    }
}

impl Record {
    /// Calls `each` with every value that the record has for the field: none, one, or one an item of an array.
    pub fn each_value<'a>(&'a self, field: &Field, each: &mut dyn FnMut(FieldValue<'a>)) {
        match field {
            Field::Known(known) => {
                if let Some(value) = self.known_value(*known) {
                    each(value);
                }
            }
            Field::Key(path) => {
                // A key may itself hold dots (`http.status` passed flat), so the whole path is looked up first.
                each_at(&self.extra, path, each);
                if let Body::Event(event) = &self.body {
                    each_at(&event.keys, path, each);
                }
            }
        }
    }

    /// The first value of the field.
    pub fn value<'a>(&'a self, field: &Field) -> Option<FieldValue<'a>> {
        let mut first = None;
        self.each_value(field, &mut |value| {
            first.get_or_insert(value);
        });
        first
    }

    /// Every key of `extra` and of an event, flattened: dotted path and scalar value. The index is fed from this, so
    /// that it sees what [`Record::each_value`] sees.
    pub fn each_key<'a>(&'a self, each: &mut dyn FnMut(&str, FieldValue<'a>)) {
        flatten(&self.extra, &mut String::new(), true, each);
        if let Body::Event(event) = &self.body {
            flatten(&event.keys, &mut String::new(), true, each);
        }
    }

    /// The number that orders the record's level. An event of a kind that this version does not know may have a level,
    /// too: then its name says it.
    pub fn severity(&self) -> Option<u16> {
        match &self.body {
            Body::Log(log) => Some(log.level.number),
            Body::Event(event) => Some(super::Level::named(event.keys.get("level")?.as_str()?).number),
            Body::Malformed(_) => None,
        }
    }

    fn known_value(&self, known: Known) -> Option<FieldValue<'_>> {
        let int = |number: u64| Some(FieldValue::Int(i128::from(number)));
        match known {
            Known::Ts => Some(FieldValue::Int(i128::from(self.ts))),
            Known::Mono => int(self.mono),
            Known::Proc => Some(FieldValue::text(&self.proc)),
            Known::Process => int(u64::from(self.process?)),
            Known::Pid => int(u64::from(self.pid)),
            Known::Lane => Some(FieldValue::Text(self.lane.to_string().into())),
            Known::Seq => int(self.seq),
            _ => match &self.body {
                Body::Log(log) => log.known_value(known),
                Body::Event(event) => event_value(event, known),
                Body::Malformed(_) if known == Known::Ev => Some(FieldValue::text("malformed")),
                Body::Malformed(malformed) if known == Known::Msg => {
                    Some(FieldValue::Text(String::from_utf8_lossy(&malformed.bytes)))
                }
                Body::Malformed(_) => None,
            },
        }
    }
}

impl super::Log {
    fn known_value(&self, known: Known) -> Option<FieldValue<'_>> {
        match known {
            Known::Level => Some(FieldValue::text(&self.level.name)),
            Known::Logger => Some(FieldValue::text(&self.logger)),
            Known::Msg => Some(FieldValue::text(&self.msg)),
            Known::Tpl => self.tpl.as_deref().map(FieldValue::text),
            Known::Thread => self.thread.as_deref().map(FieldValue::text),
            Known::Tid => self.tid.map(|tid| FieldValue::Int(i128::from(tid))),
            Known::Task => self.task.as_deref().map(FieldValue::text),
            Known::File => self.site.as_ref().map(|site| FieldValue::text(&site.file)),
            Known::Line => self.site.as_ref().map(|site| FieldValue::Int(i128::from(site.line))),
            Known::Func => self.site.as_ref().map(|site| FieldValue::text(&site.func)),
            Known::ExcType => self.exc.as_ref().map(|exc| FieldValue::text(&exc.kind)),
            Known::ExcMsg => self.exc.as_ref().map(|exc| FieldValue::text(&exc.msg)),
            Known::Stack => self.stack.as_deref().map(FieldValue::text),
            _ => None,
        }
    }
}

fn event_value(event: &super::Event, known: Known) -> Option<FieldValue<'_>> {
    let key = |name: &str| event.keys.get(name).and_then(FieldValue::of_json);
    let of_site = |place: usize| event.keys.get("site")?.get(place).and_then(FieldValue::of_json);
    let of_exc = |name: &str| event.keys.get("exc")?.get(name).and_then(FieldValue::of_json);
    match known {
        Known::Ev => Some(FieldValue::text(&event.name)),
        Known::Obj => key("obj"),
        Known::File => of_site(0),
        Known::Line => of_site(1),
        Known::Func => of_site(2),
        Known::ExcType if event.kind == super::EventKind::Exc => key("type"),
        Known::ExcMsg if event.kind == super::EventKind::Exc => key("msg"),
        Known::ExcType => of_exc("type"),
        Known::ExcMsg => of_exc("msg"),
        _ => key(known.name()),
    }
}

fn each_at<'a>(object: &'a serde_json::Map<String, Value>, path: &str, each: &mut dyn FnMut(FieldValue<'a>)) {
    if let Some(value) = object.get(path) {
        each_scalar(value, each);
    }
    for (dot, _) in path.match_indices('.') {
        if let Some(Value::Object(inner)) = object.get(&path[..dot]) {
            each_at(inner, &path[dot + 1..], each);
        }
    }
}

/// A scalar, or the scalars of an array.
fn each_scalar<'a>(value: &'a Value, each: &mut dyn FnMut(FieldValue<'a>)) {
    match value {
        Value::Array(items) => items.iter().filter_map(FieldValue::of_json).for_each(each),
        _ => {
            if let Some(value) = FieldValue::of_json(value) {
                each(value);
            }
        }
    }
}

fn flatten<'a>(
    object: &'a serde_json::Map<String, Value>,
    path: &mut String,
    is_top: bool,
    each: &mut dyn FnMut(&str, FieldValue<'a>),
) {
    for (key, value) in object {
        let before = path.len();
        // A key may be empty, so the path's length does not tell how deep it is.
        if !is_top {
            path.push('.');
        }
        path.push_str(key);
        match value {
            Value::Object(inner) => flatten(inner, path, false, each),
            _ => each_scalar(value, &mut |value| each(path, value)),
        }
        path.truncate(before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (place, (known, ..)) in Known::ALL.iter().enumerate() {
            assert_eq!(*known as usize, place);
        }
    }

    #[test]
    fn an_empty_key_is_a_step_of_the_path() {
        let place = crate::record::decode::Place { proc: "1-aaaaaa".into(), process: None, part: 1, offset: 0 };
        let line = br#"{"ts":"2026-11-22T17:15:03.120431000Z","mono":1,"proc":"1-aaaaaa","pid":1,"lane":"t1","seq":1,"level":"INFO","msg":"","extra":{"":{"x":1}}}"#;
        let record = crate::record::decode(line, &place);
        let mut paths = Vec::new();
        record.each_key(&mut |path, _| paths.push(path.to_owned()));
        assert_eq!(paths, [".x"]);
        assert_eq!(record.value(&Field::named(".x")), Some(FieldValue::Int(1)));
    }

    #[test]
    fn other_systems_names_are_fields() {
        assert_eq!(Field::named("levelname"), Field::Known(Known::Level));
        assert_eq!(Field::named("extra.order_id"), Field::Key("order_id".into()));
    }
}
