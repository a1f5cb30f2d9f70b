//! The keys of an event, or of an object inside one, each taken in the type it should have.
//!
//! A key of another shape is as one that is not there; nothing here fails. A reading is a struct in [`reading!`]: each
//! field is taken as its type says.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::lifecycle::ExcText;
use crate::record::{Exception, Frame, Site};

/// A typed reading of an event's keys.
pub(super) trait Reading<'a> {
    fn of(keys: Keys<'a>) -> Self;
}

/// A type in which a key can be taken.
pub(super) trait Take<'a> {
    fn take(keys: Keys<'a>, key: &str) -> Self;
}

/// Makes a struct a reading: every field is the key of its name, or the one after `as`, in its own type; after `=`
/// stands another way to read it.
macro_rules! reading {
    (
        $(#[$about:meta])*
        pub struct $name:ident<$a:lifetime> {
            $($(#[$says:meta])* pub $field:ident $(as $key:literal)? : $kind:ty $(= $read:expr)?,)*
        }
    ) => {
        $(#[$about])*
        pub struct $name<$a> {
            $($(#[$says])* pub $field: $kind,)*
        }

        impl<$a> crate::record::readings::keys::Reading<$a> for $name<$a> {
            fn of(keys: crate::record::readings::keys::Keys<$a>) -> Self {
                $name { $($field: reading!(@take keys, $field $(as $key)? $(= $read)?),)* }
            }
        }
    };
    (@take $keys:ident, $field:ident = $read:expr) => {
        crate::record::readings::keys::by($keys, $read)
    };
    (@take $keys:ident, $field:ident as $key:literal) => {
        crate::record::readings::keys::Take::take($keys, $key)
    };
    (@take $keys:ident, $field:ident) => {
        crate::record::readings::keys::Take::take($keys, stringify!($field))
    };
}

/// Tells a closure in [`reading!`] what it is given.
pub(super) fn by<'a, T>(keys: Keys<'a>, read: impl Fn(Keys<'a>) -> T) -> T {
    read(keys)
}

#[derive(Clone, Copy)]
pub(super) struct Keys<'a>(&'a Map<String, Value>);

/// How often each lane did something, in the order of the lanes' names: `{"t3": 2}`, or `["t3", "t4"]` for once each.
pub type Counts<'a> = Vec<(&'a str, u64)>;

/// Where each lane did something for the first time.
pub type Places<'a> = Vec<(&'a str, Site)>;

impl<'a> Keys<'a> {
    pub(super) fn of(map: &'a Map<String, Value>) -> Keys<'a> {
        Keys(map)
    }

    fn get(self, key: &str) -> Option<&'a Value> {
        self.0.get(key)
    }

    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// A number that is not negative. One that was written as 3.0 is 3.
    pub(super) fn number(self, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        value
            .as_u64()
            .or_else(|| value.as_f64().filter(|real| *real >= 0.0 && real.is_finite()).map(|real| real as u64))
    }

    pub(super) fn small(self, key: &str) -> Option<u32> {
        self.number(key).and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn signed(self, key: &str) -> Option<i64> {
        self.get(key)?.as_i64()
    }

    pub(super) fn real(self, key: &str) -> Option<f64> {
        self.get(key)?.as_f64()
    }

    pub(super) fn flag(self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    pub(super) fn site(self, key: &str) -> Option<Site> {
        site_of(self.get(key)?)
    }

    /// A text as it is, any other value as JSON.
    pub(super) fn shown(self, key: &str) -> Option<String> {
        match self.get(key)? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(super) fn texts(self, key: &str) -> Vec<&'a str> {
        self.values(key).filter_map(Value::as_str).collect()
    }

    /// The frames of a stack that can be read.
    pub(super) fn stack(self, key: &str) -> Vec<Site> {
        let frames = self.values(key).filter_map(|value| Frame::deserialize(value).ok());
        frames.map(|frame| Site { file: frame.file, line: frame.line, func: frame.func }).collect()
    }

    /// The innermost frame of a stack.
    pub(super) fn innermost(self, key: &str) -> Option<Site> {
        site_of(self.values(key).next()?)
    }

    pub(super) fn counts(self, key: &str) -> Counts<'a> {
        match self.get(key) {
            Some(Value::Object(counts)) => {
                counts.iter().map(|(lane, n)| (lane.as_str(), n.as_u64().unwrap_or(1))).collect()
            }
            _ => self.texts(key).into_iter().map(|lane| (lane, 1)).collect(),
        }
    }

    /// A place for each lane: `{"t3": [file, line, func]}`.
    pub(super) fn places(self, key: &str) -> Places<'a> {
        let places = self.get(key).and_then(Value::as_object).into_iter().flatten();
        places.filter_map(|(lane, site)| Some((lane.as_str(), site_of(site)?))).collect()
    }

    /// What a list of objects says; members of another shape are left out.
    pub(super) fn list<T>(self, key: &str, read: impl Fn(Keys<'a>) -> T) -> Vec<T> {
        self.values(key).filter_map(Value::as_object).map(|member| read(Keys(member))).collect()
    }

    /// What an object inside says.
    pub(super) fn inside<T>(self, key: &str, read: impl Fn(Keys<'a>) -> T) -> Option<T> {
        Some(read(Keys(self.get(key)?.as_object()?)))
    }

    pub(super) fn exc(self, key: &str) -> Option<ExcText> {
        match self.get(key)? {
            Value::String(text) => Some(ExcText::Text(text.clone())),
            Value::Object(parts) => {
                let parts = Keys(parts);
                let kind = parts.text("type")?.to_owned();
                Some(ExcText::Parts { kind, msg: parts.text("msg").unwrap_or_default().to_owned() })
            }
            _ => None,
        }
    }

    pub(super) fn exception(self, key: &str) -> Option<Exception> {
        Exception::of_json(self.get(key)?)
    }

    /// The exception whose parts stand among these keys.
    pub(super) fn exception_in_place(self) -> Exception {
        let frames = self.values("stack").filter_map(|value| Frame::deserialize(value).ok());
        Exception {
            kind: self.text("type").unwrap_or_default().to_owned(),
            msg: self.text("msg").unwrap_or_default().to_owned(),
            stack: frames.collect(),
            cause: self.exception("cause").map(Box::new),
        }
    }

    fn values(self, key: &str) -> impl Iterator<Item = &'a Value> {
        self.get(key).and_then(Value::as_array).into_iter().flatten()
    }
}

/// `[file, line, func]`, or a frame's object. Without a file there is no place.
fn site_of(value: &Value) -> Option<Site> {
    let frame = Frame::deserialize(value).ok()?;
    (!frame.file.is_empty()).then_some(Site { file: frame.file, line: frame.line, func: frame.func })
}

/// `impl` of [`Take`] for types that have a way of their own among the methods of [`Keys`].
macro_rules! taken {
    ($($kind:ty: $way:ident $(or $default:expr)?;)*) => {
        $(impl<'a> Take<'a> for $kind {
            fn take(keys: Keys<'a>, key: &str) -> Self {
                keys.$way(key)$(.unwrap_or($default))?
            }
        })*
    };
}

taken! {
    Option<&'a str>: text;
    &'a str: text or "";
    Option<String>: shown;
    Option<u64>: number;
    u64: number or 0;
    Option<u32>: small;
    Option<i64>: signed;
    Option<f64>: real;
    Option<bool>: flag;
    bool: flag or false;
    Option<Site>: site;
    Option<ExcText>: exc;
    Vec<&'a str>: texts;
    Vec<Site>: stack;
    Counts<'a>: counts;
    Places<'a>: places;
}

impl<'a, T: Reading<'a>> Take<'a> for Option<T> {
    fn take(keys: Keys<'a>, key: &str) -> Self {
        keys.inside(key, T::of)
    }
}

impl<'a, T: Reading<'a>> Reading<'a> for Box<T> {
    fn of(keys: Keys<'a>) -> Self {
        Box::new(T::of(keys))
    }
}

impl<'a, T: Reading<'a>> Take<'a> for Vec<T> {
    fn take(keys: Keys<'a>, key: &str) -> Self {
        keys.list(key, T::of)
    }
}
