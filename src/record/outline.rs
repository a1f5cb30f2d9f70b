//! A record as an index sees it: its known fields and the keys of `extra` and of events, each with its values; nothing that
//! neither has a name in a query. What is told is what [`Record::each_value`] and [`Record::each_key`] say.

use super::field::{FieldValue, Known};
use super::{Body, Field, Lane, Record, Stamp, StampRef};

/// Something that can be drawn: a record, or a line that is read for nothing else.
pub trait Sketch {
    /// The value of a known field.
    fn known(&self, known: Known) -> Option<FieldValue<'_>>;

    /// Gives the keys and givers.
    fn draw(&self, to: &mut impl Outline) -> Head;
}

/// What is drawn on.
pub trait Outline {
    /// One value of a key. `is_apart`: it is a key of an event whose values are told otherwise, or that hardly anybody looks
    /// for; an index may spare itself the value.
    fn key(&mut self, path: &str, value: &FieldValue<'_>, is_apart: bool);

    /// A lane from which something came to the record.
    fn giver(&mut self, proc: &str, lane: Lane);
}

/// What every record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub ts: i64,
    pub severity: Option<u16>,
}

/// The key of an event that holds a stamp.
pub(super) const FROM: &str = "from";

/// Whether a key of an event is drawn apart: it is a known field as well, or a place in the code, or a stamp.
pub(super) fn is_apart(path: &str) -> bool {
    matches!(
        path,
        "obj"
            | "site"
            | "held_at"
            | "stack"
            | "from"
            | "thread"
            | "tid"
            | "task"
            | "type"
            | "msg"
            | "tpl"
            | "file"
            | "line"
            | "func"
            | "level"
            | "logger"
            | "argv"
    ) || path.starts_with("exc.")
}

impl Sketch for Record {
    fn known(&self, known: Known) -> Option<FieldValue<'_>> {
        self.value(&Field::Known(known))
    }

    fn draw(&self, to: &mut impl Outline) -> Head {
        let from = self.event().and_then(|event| StampRef::parse(event.keys.get(FROM)?.as_str()?));
        let stamps = self.hb.iter().chain(&self.hbl).map(Stamp::borrowed);
        stamps.chain(from).for_each(|stamp| to.giver(stamp.proc.unwrap_or(&self.proc), stamp.lane));
        let of_event = matches!(self.body, Body::Event(_));
        self.each_key(&mut |path, value| to.key(path, &value, of_event && is_apart(path)));
        Head { ts: self.ts, severity: self.severity() }
    }
}
