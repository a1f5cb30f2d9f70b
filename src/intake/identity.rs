//! Which file a file is: device and inode, and how it begins. Names change, inodes are used again, beginnings stay.

use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};

/// How much of a beginning is compared.
const HEAD: usize = 256;

/// How much before a position is compared.
const ANCHOR: usize = 64;

/// How much of a record's lines is compared.
pub(super) const BLOCK: usize = 1024;

/// A number for some bytes: the same for the same bytes, everywhere and always (FNV-1a).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Print {
    pub len: u64,
    hash: u64,
}

/// Of nothing: what every file begins and ends with.
impl Default for Print {
    fn default() -> Print {
        Print::of(&[])
    }
}

impl Print {
    pub fn of(bytes: &[u8]) -> Print {
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Print { len: bytes.len() as u64, hash }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether these bytes begin as the printed ones.
    pub fn is_beginning_of(&self, bytes: &[u8]) -> bool {
        usize::try_from(self.len).ok().and_then(|len| bytes.get(..len)).is_some_and(|head| Print::of(head) == *self)
    }

    pub fn of_head(bytes: &[u8]) -> Print {
        Print::of(&bytes[..bytes.len().min(HEAD)])
    }

    /// The print of the last bytes of a stretch.
    pub fn of_anchor(bytes: &[u8]) -> Print {
        Print::of(&bytes[bytes.len().saturating_sub(ANCHOR)..])
    }

    /// A short one for the lines of a record, by how they begin.
    pub fn of_block(bytes: &[u8]) -> u32 {
        let hash = Print::of(&bytes[..bytes.len().min(BLOCK)]).hash;
        (hash ^ (hash >> 32)) as u32
    }
}

/// How a file begins, as far as it was known when it was last read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(super) struct Head(Vec<u8>);

impl Head {
    pub fn of(bytes: &[u8]) -> Head {
        Head(bytes[..bytes.len().min(HEAD)].to_vec())
    }

    /// A longer one would tell more.
    pub fn is_short(&self) -> bool {
        self.0.len() < HEAD
    }

    /// Whether these bytes begin so.
    pub fn is_beginning_of(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(&self.0)
    }

    /// How many bytes they have in common, where one is the beginning of the other.
    pub fn in_common(&self, bytes: &[u8]) -> Option<usize> {
        let len = self.0.len().min(bytes.len());
        (self.0[..len] == bytes[..len]).then_some(len)
    }
}

/// As hexadecimal digits: a log need not be text.
impl From<Head> for String {
    fn from(head: Head) -> String {
        head.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl From<String> for Head {
    fn from(text: String) -> Head {
        let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = |pair: &[u8]| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?);
        Head(text.as_bytes().chunks(2).map_while(byte).collect())
    }
}

/// How far a file was read, and the last bytes before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    pub end: u64,
    pub print: Print,
}

impl Seen {
    /// Whether a file still goes as far, and has the same bytes there.
    pub fn is_in(&self, file: &File) -> bool {
        let mut bytes = vec![0; usize::try_from(self.print.len).unwrap_or(0)];
        let got = crate::spool::read_up_to(file, &mut bytes, self.end.saturating_sub(self.print.len));
        got.is_ok_and(|got| got == bytes.len()) && self.print.is_beginning_of(&bytes)
    }
}

/// Device and inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub(super) struct Node {
    pub device: u64,
    pub inode: u64,
}

#[cfg(unix)]
pub(super) fn node(about: &std::fs::Metadata) -> Node {
    use std::os::unix::fs::MetadataExt;
    Node { device: about.dev(), inode: about.ino() }
}

#[cfg(not(unix))]
pub(super) fn node(_: &std::fs::Metadata) -> Node {
    Node::default()
}

/// The bytes that a file ends with, and where they begin.
pub(super) fn tail(file: &File) -> io::Result<(Vec<u8>, u64)> {
    let at = file.metadata()?.len().saturating_sub(BLOCK as u64);
    let mut tail = vec![0; BLOCK];
    let len = crate::spool::read_up_to(file, &mut tail, at)?;
    tail.truncate(len);
    Ok((tail, at))
}

/// The bytes that a file begins with.
pub(super) fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let len = crate::spool::read_up_to(file, &mut head, 0)?;
    head.truncate(len);
    Ok(head)
}
