//! Severity: the names that Python's logging and other systems use, and their order.

use std::fmt;

/// A level as written, with the number that orders it (Python's: DEBUG 10 … CRITICAL 50).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    pub name: Box<str>,
    pub number: u16,
}

/// Spellings of the usual levels, lower case, with Python's numbers.
const KNOWN: [(&str, u16); 20] = [
    ("notset", 0),
    ("trace", 5),
    ("verbose", 8),
    ("debug", 10),
    ("info", 20),
    ("information", 20),
    ("informational", 20),
    ("success", 25),
    ("notice", 25),
    ("warning", 30),
    ("warn", 30),
    ("error", 40),
    ("err", 40),
    ("exception", 40),
    ("severe", 40),
    ("critical", 50),
    ("crit", 50),
    ("fatal", 50),
    ("alert", 55),
    ("emergency", 60),
];

impl Level {
    /// The level of that name. A name that nobody knows keeps its name; where it is Python's `Level 35`
    /// the number is taken from it, else it counts as INFO.
    pub fn named(name: &str) -> Level {
        Level { name: name.into(), number: Level::number_of_name(name) }
    }

    /// The number of [`Level::named`].
    pub fn number_of_name(name: &str) -> u16 {
        number_of(name).or_else(|| name.strip_prefix("Level ")?.parse().ok()).unwrap_or(20)
    }
}

/// The number of a usual level name in any case; `None` for a name that is none.
pub fn number_of(name: &str) -> Option<u16> {
    KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
}

/// The canonical names, in order, for messages.
pub const CANONICAL: [&str; 5] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/// The canonical name of a number, where it has one.
pub fn canonical(number: u16) -> Option<&'static str> {
    let place = usize::from(number / 10).checked_sub(1).filter(|_| number.is_multiple_of(10))?;
    CANONICAL.get(place).copied()
}

impl Default for Level {
    fn default() -> Level {
        Level { name: "NOTSET".into(), number: 0 }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}
