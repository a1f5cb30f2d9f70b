//! Exceptions as records tell of them, and their JSON.

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde_json::Value;

use super::Site;

/// How many causes of an exception are followed: a corrupted file may hold any number.
const MAX_CAUSES: usize = 64;

/// An exception as recorded: type, message, frames from the outermost call to the raise, and what caused it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exception {
    pub kind: String,
    pub msg: String,
    pub stack: Vec<Frame>,
    pub cause: Option<Box<Exception>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Frame {
    pub file: String,
    pub line: u64,
    pub func: String,
    /// The source line, where it was known.
    pub code: Option<String>,
}

impl Exception {
    /// `{type, msg, stack, cause}` as an exception; `None` for another shape.
    pub(super) fn of_json(value: &Value) -> Option<Exception> {
        read(value, 0)
    }
}

fn read(value: &Value, depth: usize) -> Option<Exception> {
    let object = value.as_object()?;
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let stack = match object.get("stack") {
        None | Some(Value::Null) => Vec::new(),
        Some(stack) => Vec::<Frame>::deserialize(stack).ok()?,
    };
    let cause = match object.get("cause") {
        None | Some(Value::Null) => None,
        Some(_) if depth >= MAX_CAUSES => None,
        Some(cause) => Some(Box::new(read(cause, depth + 1)?)),
    };
    Some(Exception { kind: text("type"), msg: text("msg"), stack, cause })
}

/// A frame is `{file, line, func, code}`, or `[file, line, func]` in the short stacks of events.
impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Frame, D::Error> {
        #[derive(serde::Deserialize)]
        struct Long {
            #[serde(default)]
            file: String,
            #[serde(default)]
            line: u64,
            #[serde(default)]
            func: String,
            code: Option<String>,
        }
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Either {
            Long(Long),
            Short(Site),
            Other(IgnoredAny),
        }
        Ok(match Either::deserialize(from)? {
            Either::Long(Long { file, line, func, code }) => Frame { file, line, func, code },
            Either::Short(Site { file, line, func }) => Frame { file, line, func, code: None },
            Either::Other(_) => return Err(serde::de::Error::custom("not a frame")),
        })
    }
}
