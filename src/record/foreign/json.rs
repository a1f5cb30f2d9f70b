//! A JSON object of another system's log, taken apart by the alias table: flat or nested names, and values in the types that
//! each of the usual libraries gives them.

use std::borrow::Cow;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value};

use super::clock::{self, Clock};
use super::{Said, keys, level_named, level_of_number, loguru, names, otlp, traceback};
use crate::record::Level;

/// Name in lower case → our name for it, and its rank.
static NAMES: LazyLock<FxHashMap<&'static str, (&'static str, usize)>> =
    LazyLock::new(|| names::all().map(|(alias, own, rank)| (alias, (own, rank))).collect());

/// How deep names are looked for, `process.thread.name`, and how long one may be.
const DEEPEST: usize = 4;
const LONGEST_NAME: usize = 64;

/// What a line that is a JSON object says; several records where it is a batch of OpenTelemetry's.
pub(super) fn read(text: &str, clock: &Clock) -> Result<Vec<Said>, serde_json::Error> {
    let object: Map<String, Value> = serde_json::from_str(text)?;
    if let Some(batch) = otlp::records(&object) {
        return Ok(batch.into_iter().map(|record| said(record, clock)).collect());
    }
    Ok(vec![said(object, clock)])
}

/// What an object says.
pub(super) fn said(object: Map<String, Value>, clock: &Clock) -> Said {
    let scheme = Scheme::of(|key| object.get(key));
    let object = match loguru::record(object) {
        Ok(record) => return loguru::said(record, clock),
        Err(object) => object,
    };
    let mut found = Found::default();
    let rest = found.sort(object, &mut String::new(), 0, 0);
    let mut said = Said { extra: rest, ..Said::default() };
    found.settle(&mut said, scheme, clock);
    keys::bound(&mut said.extra);
    said
}

/// What pairs say that hold no objects, each name once.
pub(super) fn said_flat(pairs: Vec<(&str, Value)>, clock: &Clock) -> Said {
    let scheme = Scheme::of(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| value));
    let (mut found, mut said) = (Found::default(), Said::default());
    for (key, value) in pairs {
        match found.known(key).filter(|_| key.len() <= LONGEST_NAME) {
            Some((own, rank, name)) => found.candidates.push(Candidate { own, rank, name, value }),
            None => drop(said.extra.insert(key.to_owned(), value)),
        }
    }
    found.settle(&mut said, scheme, clock);
    keys::bound(&mut said.extra);
    said
}

/// What the numbers of a level mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Python,
    /// Bunyan's and pino's: 30 is info.
    Node,
    /// syslog's: 3 is error.
    Syslog,
}

impl Scheme {
    fn of<'v>(get: impl Fn(&str) -> Option<&'v Value>) -> Scheme {
        let level = get("level").and_then(Value::as_u64);
        let is_node = || {
            let is_epoch = get("time").is_some_and(Value::is_number);
            get("msg").is_some() && (is_epoch || (get("v").is_some() && get("hostname").is_some()))
        };
        if level.is_some_and(|level| level >= 10) && is_node() {
            return Scheme::Node;
        }
        let number = level.or_else(|| get("severity").and_then(Value::as_u64));
        if number.is_some_and(|number| number < 8) { Scheme::Syslog } else { Scheme::Python }
    }

    fn level(self, number: u64) -> Level {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        match self {
            Scheme::Python => level_of_number(number),
            Scheme::Node if number % 10 == 0 && (10..=60).contains(&number) => {
                level_of_number(if number == 10 { 5 } else { number - 10 })
            }
            Scheme::Node => level_of_number(number.saturating_sub(10)),
            Scheme::Syslog => {
                level_of_number([60, 55, 50, 40, 30, 25, 20, 10].get(usize::from(number)).copied().unwrap_or(20))
            }
        }
    }
}

/// One value that has a place of its own in a record.
struct Candidate {
    own: &'static str,
    rank: usize,
    /// Its name in the line, dotted.
    name: Cow<'static, str>,
    value: Value,
}

#[derive(Default)]
struct Found {
    candidates: Vec<Candidate>,
    /// A name in lower case, while it is looked for.
    lower: String,
}

impl Found {
    /// Takes what has a place from an object; gives back the rest.
    fn sort(
        &mut self,
        mut object: Map<String, Value>,
        prefix: &mut String,
        depth: usize,
        handicap: usize,
    ) -> Map<String, Value> {
        let mut wrapped = Vec::new();
        object.retain(|key, value| {
            if key.len() > LONGEST_NAME || depth >= DEEPEST {
                return true;
            }
            let outside = prefix.len();
            prefix.push_str(key);
            let known = self.known(prefix).filter(|(own, ..)| fits(own, value));
            let is_left = match (known, &mut *value) {
                (Some((own, rank, name)), value) => {
                    self.candidates.push(Candidate { own, rank: rank + handicap, name, value: value.take() });
                    false
                }
                // OpenTelemetry and others keep what was passed with the record in an object of its own.
                (None, Value::Object(inner))
                    if depth == 0 && matches!(self.lower.as_str(), "attributes" | "extra" | "fields") =>
                {
                    wrapped.push((self.lower != "extra", std::mem::take(inner)));
                    false
                }
                (None, Value::Object(inner)) => {
                    prefix.push('.');
                    *inner = self.sort(std::mem::take(inner), prefix, depth + 1, handicap);
                    !inner.is_empty()
                }
                (None, _) => true,
            };
            prefix.truncate(outside);
            is_left
        });
        for (has_names, inner) in wrapped {
            // What the caller passed counts only where the logger itself said nothing.
            let inner = if has_names { self.sort(inner, &mut String::new(), 1, NAMES.len()) } else { inner };
            inner.into_iter().for_each(|(key, value)| keys::keep(&mut object, &key, value));
        }
        object
    }

    /// Our name for one of theirs, its rank, and their name as something to keep.
    fn known(&mut self, name: &str) -> Option<(&'static str, usize, Cow<'static, str>)> {
        self.lower.clear();
        self.lower.push_str(name);
        self.lower.make_ascii_lowercase();
        let (alias, (own, rank)) = NAMES.get_key_value(self.lower.as_str())?;
        Some((*own, *rank, if *alias == name { Cow::Borrowed(*alias) } else { Cow::Owned(name.to_owned()) }))
    }

    /// Gives each place its best candidate; the others stay in `extra` under their own names.
    fn settle(mut self, said: &mut Said, scheme: Scheme, clock: &Clock) {
        self.candidates.sort_by_key(|candidate| candidate.rank);
        let mut told = Told::default();
        for Candidate { own, name, mut value, .. } in self.candidates {
            if own == "host" {
                said.host = said.host.take().or_else(|| value.as_str().map(str::to_owned));
            }
            if own == "host" || !told.put(own, &mut value, said, scheme, clock) {
                keys::keep(&mut said.extra, &name, value);
            }
        }
        told.finish(said);
    }
}

/// Whether a value is of a kind that such a place can hold; an object is looked into instead.
fn fits(own: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(_) => own == "trace",
        Value::Array(_) => own == "trace" || own == "msg",
        _ => true,
    }
}

/// What is put together from several values.
#[derive(Default)]
struct Told {
    level: Option<Level>,
    kind: Option<String>,
    msg: Option<String>,
    trace: Option<Value>,
    has_msg: bool,
}

impl Told {
    /// Puts the value where it belongs; false where that is taken by another, or the value is not what it should be: then it
    /// is left as it was.
    fn put(&mut self, own: &str, value: &mut Value, said: &mut Said, scheme: Scheme, clock: &Clock) -> bool {
        if value.is_null() {
            return true;
        }
        match own {
            "ts" => set(&mut said.ts, time_of(value, clock)),
            "level" => set(&mut self.level, level_of(value, scheme)) || self.says_the_same(value, scheme),
            "levelno" => {
                let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
                self.level.is_some() || set(&mut self.level, number.map(level_of_number))
            }
            "severity" => self.level.is_some() || set(&mut self.level, value.as_u64().and_then(otlp::level)),
            "syslog" => {
                self.level.is_some() || set(&mut self.level, value.as_u64().map(|number| Scheme::Syslog.level(number)))
            }
            "logger" => set_text(&mut said.logger, value),
            "msg" if self.has_msg => scalar(value).is_some_and(|text| text == said.msg),
            "msg" => {
                self.has_msg = true;
                said.msg = taken(value).unwrap_or_else(|| value.to_string());
                true
            }
            "tpl" => set_text(&mut said.tpl, value),
            // A thread is told by its name or by its number.
            "thread" if value.is_number() => set(&mut said.tid, value.as_u64()),
            "thread" => set_text(&mut said.thread, value),
            "tid" => set(&mut said.tid, number_of(value)),
            "task" => set_text(&mut said.task, value),
            "pid" => set(&mut said.pid, number_of(value).and_then(|pid| u32::try_from(pid).ok())),
            "process" => match number_of(value).and_then(|pid| u32::try_from(pid).ok()) {
                Some(pid) => set(&mut said.pid, Some(pid)),
                None => set_text(&mut said.process, value),
            },
            "file" => {
                set_text(&mut said.file, value)
                    || said.file.as_ref().is_some_and(|file| scalar(value).is_some_and(|name| file.ends_with(&name)))
            }
            "line" => set(&mut said.line, number_of(value)),
            "func" => set_text(&mut said.func, value),
            "stack" => set_text(&mut said.stack, value),
            "exc.type" => set_text(&mut self.kind, value),
            "exc.msg" => set_text(&mut self.msg, value),
            "trace" => set(&mut self.trace, exception_of(value)),
            _ => false,
        }
    }

    fn says_the_same(&self, value: &Value, scheme: Scheme) -> bool {
        level_of(value, scheme).is_some_and(|level| self.level.as_ref() == Some(&level))
    }

    fn finish(self, said: &mut Said) {
        said.level = self.level;
        let mut exception = self.trace;
        if self.kind.is_some() || self.msg.is_some() {
            let exception = exception.get_or_insert_with(|| Value::Object(Map::new()));
            if let Some(object) = exception.as_object_mut() {
                for (key, text) in [("type", self.kind), ("msg", self.msg)] {
                    if let Some(text) = text {
                        object.insert(key.to_owned(), text.into());
                    }
                }
            }
        }
        said.exc = exception;
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let is_free = place.is_none() && value.is_some();
    if is_free {
        *place = value;
    }
    is_free
}

fn set_text(place: &mut Option<String>, value: &mut Value) -> bool {
    place.is_none() && set(place, taken(value))
}

/// The same as `scalar`; a text is taken, not copied.
fn taken(value: &mut Value) -> Option<String> {
    match value {
        Value::String(text) => Some(std::mem::take(text)),
        other => scalar(other),
    }
}

/// A text, a number or a truth value as text.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn number_of(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

pub(super) fn time_of(value: &Value, clock: &Clock) -> Option<i64> {
    match value {
        Value::String(text) => clock.read(text),
        Value::Number(number) => match number.as_i64() {
            Some(int) => clock::of_int(int),
            None => clock::of_float(number.as_f64()?),
        },
        _ => None,
    }
}

fn level_of(value: &Value, scheme: Scheme) -> Option<Level> {
    match value {
        Value::String(text) => match text.parse() {
            Ok(number) => Some(scheme.level(number)),
            Err(_) if text.trim().is_empty() => None,
            Err(_) => Some(level_named(text)),
        },
        Value::Number(number) => Some(scheme.level(number.as_u64()?)),
        _ => None,
    }
}

fn exception_of(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => traceback::parse(text),
        Value::Array(list) => traceback::of_list(list),
        Value::Object(object) if object.contains_key("exc_type") => traceback::of_list(std::slice::from_ref(value)),
        Value::Object(object) if object.contains_key("type") && object.contains_key("stack") => {
            crate::record::Exception::of_json(value).map(|_| value.clone())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Said {
        let clock = Clock { zone: chrono::FixedOffset::east_opt(0), near: 1_800_000_000_000_000_000 };
        read(text, &clock).expect("JSON").remove(0)
    }

    fn level(text: &str) -> String {
        one(text).level.map_or_else(|| "none".to_owned(), |level| format!("{} {}", level.name, level.number))
    }

    #[test]
    fn numbers_of_levels_mean_what_their_writer_means() {
        assert_eq!(level(r#"{"level":30,"time":1795412938788,"msg":"x"}"#), "INFO 20");
        assert_eq!(
            level(r#"{"level":60,"time":"2026-11-23T05:48:58.812Z","v":0,"hostname":"vm","msg":"x"}"#),
            "CRITICAL 50"
        );
        assert_eq!(level(r#"{"levelno":30,"message":"x"}"#), "WARNING 30");
        assert_eq!(level(r#"{"level":3,"message":"x"}"#), "ERROR 40");
        assert_eq!(level(r#"{"severity_number":13,"body":"x"}"#), "WARNING 30");
        assert_eq!(level(r#"{"severity":"Warn","body":"x"}"#), "WARNING 30");
        assert_eq!(level(r#"{"level":"notice","body":"x"}"#), "NOTICE 25");
        assert_eq!(level(r#"{"level":"WARN","levelno":30,"levelname":"WARNING","msg":"x"}"#), "WARNING 30");
    }

    #[test]
    fn what_has_no_place_is_kept() {
        let said =
            one(r#"{"message":"x","msg":"y","time":"soon","user":{"name":"ada"},"thread":7,"pid":"12","a":null}"#);
        assert_eq!((said.msg.as_str(), said.tid, said.pid, said.ts), ("x", Some(7), Some(12), None));
        assert_eq!(
            Value::Object(said.extra),
            serde_json::json!({"user": {"name": "ada"}, "a": null, "time": "soon", "msg": "y"})
        );
        let said = one(r#"{"msg":"x","extra":{"a":1,"b":2},"a":3,"fields":{"b":4}}"#);
        assert_eq!(Value::Object(said.extra), serde_json::json!({"a": 3, "a_2": 1, "b": 2, "b_2": 4}));
    }

    proptest::proptest! {
        #[test]
        fn any_object_says_something(
            keys in proptest::collection::vec(("[a-z._@]{1,12}|time|level|exc_info|thread|process|record|text|attributes|err",
                r#"[1-9][0-9]{0,20}|"[ -!#-Z^-~]{0,20}"|null|true|\[1,"a"\]|\{"no":1,"id":2,"name":"x"\}|1e300|-4"#), 0..8)
        ) {
            let keys: Vec<String> = keys.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            let _ = one(&format!("{{{}}}", keys.join(",")));
        }
    }
}
