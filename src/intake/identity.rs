//! Which file a file is: device and inode, and how it begins. Names change, inodes are used again, beginnings stay.

use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};

/// How much of a beginning is compared.
const HEAD: usize = 256;

/// How much before a position is compared.
const ANCHOR: usize = 64;

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

    /// A longer beginning would tell more.
    pub fn is_short(&self) -> bool {
        self.len < HEAD as u64
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

/// The bytes that a file begins with.
pub(super) fn head(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let len = crate::spool::read_up_to(file, &mut head, 0)?;
    head.truncate(len);
    Ok(head)
}
