//! The values of a line's keys: those below `extra` and of events, with the paths by which they are asked for.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::super::field::{FieldValue, Known};
use super::super::scan::DEEPEST;
use super::{FEW_KEYS, Key, MOST_KEYS, Reading};

impl<'l> Reading<'l> {
    /// Of `[file, line, func]` each that is no list and no object.
    pub(super) fn site(&mut self) -> Option<()> {
        let mut fields = [Known::File, Known::Line, Known::Func].into_iter();
        let mut is_more = self.scan.open(b'[', b']')?;
        while is_more {
            let field = fields.next();
            if matches!(self.scan.peek()?, b'[' | b'{') {
                self.scan.skip(1)?;
            } else {
                let value = self.scan.scalar()?;
                if let Some(field) = field {
                    self.sketch.set(field, value)?;
                }
            }
            is_more = self.scan.is_more(b']')?;
        }
        Some(())
    }

    /// The members of an object as keys below that path.
    pub(super) fn object(&mut self, path: &str, is_top: bool, is_apart_above: bool, depth: usize) -> Option<()> {
        (depth < DEEPEST).then_some(())?;
        let mut names: SmallVec<[&str; FEW_KEYS]> = SmallVec::new();
        let mut is_more = self.scan.open(b'{', b'}')?;
        while is_more {
            let name = self.scan.plain_string()?;
            (!names.contains(&name) && names.len() < MOST_KEYS).then_some(())?;
            names.push(name);
            self.scan.expect(b':')?;
            let path = if is_top { Cow::Borrowed(name) } else { Cow::Owned(format!("{path}.{name}")) };
            self.value_of_key(path, is_apart_above, depth + 1)?;
            is_more = self.scan.is_more(b'}')?;
        }
        Some(())
    }

    pub(super) fn value_of_key(&mut self, path: Cow<'l, str>, is_apart_here: bool, depth: usize) -> Option<()> {
        match self.scan.peek()? {
            b'{' => {
                // What lies below an event's key is apart by its own whole path.
                (!is_apart_here).then_some(())?;
                self.object(&path, false, false, depth + 1)
            }
            b'[' => {
                (depth < DEEPEST).then_some(())?;
                let mut is_more = self.scan.open(b'[', b']')?;
                while is_more {
                    if matches!(self.scan.peek()?, b'[' | b'{') {
                        self.scan.skip(depth + 1)?;
                    } else {
                        let value = self.scan.scalar()?;
                        self.put(path.clone(), value, is_apart_here);
                    }
                    is_more = self.scan.is_more(b']')?;
                }
                Some(())
            }
            _ => {
                let value = self.scan.scalar()?;
                self.put(path, value, is_apart_here);
                Some(())
            }
        }
    }

    fn put(&mut self, path: Cow<'l, str>, value: FieldValue<'l>, is_apart: bool) {
        self.sketch.keys.push(Key { path, value, is_apart });
    }
}
