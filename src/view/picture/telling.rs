//! What each record of a picture says: its text, where it was made, and for who looks closer its fields and exception.

use serde_json::{Map, Value, json};

use super::Picture;
use super::interned::Interned;
use crate::causality::NodeRef;
use crate::record::{Body, Exception, Record, Site};
use crate::view::events::{Naming, sentence};
use crate::view::names;
use crate::view::printable::lines;

/// A text is cut to so many bytes; where room is short, to so many.
const LONGEST: usize = 4_000;
const SHORT: usize = 120;
/// Fields and exception of one record, as JSON.
const MOST_DETAIL: usize = 32_000;
/// How many frames and causes of an exception are shown.
const FRAMES: usize = 60;
const CAUSES: usize = 16;

/// How severe a mark is: what decides its colour and its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Weight {
    /// Carries only names and stamps.
    Plumbing = 0,
    Event = 1,
    Debug = 2,
    Info = 3,
    Warning = 4,
    Error = 5,
    Critical = 6,
}

/// Where the texts of a mark stand.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) text: (usize, u32),
    pub(super) detail: (usize, u32),
    /// What stands in the table of sources: level, logger, site.
    pub(super) source: u32,
    pub(super) weight: u8,
}

/// What was told of all marks.
pub(super) struct Told {
    pub(super) entries: Vec<Entry>,
    pub(super) arena: Vec<u8>,
    pub(super) sources: Interned,
    /// Texts that were cut because room was short.
    pub(super) cut: usize,
}

impl Told {
    pub(super) fn new(marks: usize) -> Told {
        let entry = Entry { weight: Weight::Event as u8, ..Entry::default() };
        Told { entries: vec![entry; marks], arena: Vec::new(), sources: Interned::default(), cut: 0 }
    }

    fn keep(&mut self, text: &str) -> (usize, u32) {
        let begin = self.arena.len();
        self.arena.extend_from_slice(text.as_bytes());
        (begin, u32::try_from(text.len()).unwrap_or(0))
    }
}

impl Picture<'_> {
    /// Takes what a record says. Records that there is no room for are passed over.
    pub fn tell(&mut self, at: NodeRef, record: &Record) {
        let Some(mark) = self.mark(at) else { return };
        let (text, weight) = self.words(at, record);
        let text = lines(&text);
        let most = if self.told.arena.len() > self.room.text { SHORT } else { LONGEST };
        let cut = cut(&text, most);
        self.told.cut += usize::from(most == SHORT && cut.len() < text.len());
        let detail = (most == LONGEST).then(|| detail(record)).flatten().unwrap_or_default();
        let source = source(record);
        let entry = Entry {
            text: self.told.keep(cut),
            detail: self.told.keep(if detail.len() > MOST_DETAIL { "" } else { &detail }),
            source: u32::try_from(self.told.sources.place(&source)).unwrap_or(0),
            weight: weight as u8,
        };
        self.told.entries[mark] = entry;
    }

    fn words(&self, at: NodeRef, record: &Record) -> (String, Weight) {
        let graph = self.subject.graph;
        match &record.body {
            Body::Log(log) => (log.msg.clone(), weight_of(log.level.number)),
            Body::Event(event) => {
                let object = |name: &str| names::object(graph, at.lane, name);
                let lane = |name: &str| names::mentioned_lane(graph, at.lane, name);
                let said = sentence(event, &Naming { object: &object, lane: &lane });
                (said.text, weight_of_event(event.kind, said.bad))
            }
            Body::Malformed(malformed) => (malformed.reason.clone(), Weight::Warning),
        }
    }
}

fn weight_of(level: u16) -> Weight {
    match level {
        0..20 => Weight::Debug,
        20..30 => Weight::Info,
        30..40 => Weight::Warning,
        40..50 => Weight::Error,
        _ => Weight::Critical,
    }
}

fn weight_of_event(kind: crate::record::EventKind, bad: bool) -> Weight {
    use crate::record::EventKind;
    match kind {
        EventKind::Exc => Weight::Error,
        EventKind::End if bad => Weight::Error,
        _ if bad => Weight::Warning,
        EventKind::Obj | EventKind::Sync => Weight::Plumbing,
        _ => Weight::Event,
    }
}

/// Level, logger and place in the code, which many records have in common: three lines.
fn source(record: &Record) -> String {
    let (level, logger) = match &record.body {
        Body::Log(log) => (&*log.level.name, log.logger.as_str()),
        Body::Event(event) => ("", &*event.name),
        Body::Malformed(_) => ("malformed", ""),
    };
    let place = record.site().map_or_else(String::new, |site| place(&site));
    [level, logger, &place].map(|text| crate::view::printable::one_line(text).into_owned()).join("\n")
}

/// `/srv/shop/orders.py:120 in pack`.
fn place(site: &Site) -> String {
    if site.func.is_empty() {
        format!("{}:{}", site.file, site.line)
    } else {
        format!("{}:{} in {}", site.file, site.line, site.func)
    }
}

/// Fields, exception, stack: `{"fields": {…}, "exc": […], "stack": […]}`; `None` where there is nothing of it.
fn detail(record: &Record) -> Option<String> {
    let mut detail = Map::new();
    if !record.extra.is_empty() {
        let shown = |value: &Value| match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let fields = record.extra.iter().map(|(key, value)| json!([lines(key), cut(&lines(&shown(value)), LONGEST)]));
        detail.insert("fields".into(), fields.collect());
    }
    if let Some(exception) = record.exception() {
        detail.insert("exc".into(), told(&exception).into());
    }
    let stack = match &record.body {
        Body::Event(event) => event.wait().map(|wait| wait.stack).unwrap_or_default(),
        _ => Vec::new(),
    };
    if !stack.is_empty() {
        let frames = stack.iter().take(FRAMES).map(|site| Value::from(lines(&place(site)).into_owned()));
        detail.insert("stack".into(), frames.collect());
    }
    if let Some(text) = record.log().and_then(|log| log.stack.as_deref()) {
        detail.insert("where".into(), lines(cut(text, LONGEST)).into());
    }
    (!detail.is_empty()).then(|| Value::Object(detail).to_string())
}

/// The exception and what caused it, as Python would print them, the cause first.
fn told(exception: &Exception) -> Vec<Value> {
    let mut chain = Vec::new();
    let mut next = Some(exception);
    while let Some(one) = next.filter(|_| chain.len() < CAUSES) {
        let frame = |frame: &crate::record::Frame| {
            let site = Site { file: frame.file.clone(), line: frame.line, func: frame.func.clone() };
            json!([lines(&place(&site)), lines(frame.code.as_deref().unwrap_or_default())])
        };
        let skipped = one.stack.len().saturating_sub(FRAMES);
        chain.push(json!({
            "type": lines(&one.kind),
            "msg": cut(&lines(&one.msg), LONGEST),
            "frames": one.stack.iter().skip(skipped).map(frame).collect::<Vec<_>>(),
        }));
        next = one.cause.as_deref();
    }
    chain.reverse();
    chain
}

/// The text up to so many bytes, never in the midst of a character.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}
