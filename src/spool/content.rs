//! The bytes of a part, wherever they are kept: in the file that its writer made, or packed. The one place through which whoever
//! reads a part gets at them; offsets are those of the lines as they were written.

use std::fs::File;
use std::io;
use std::path::Path;

use super::packed::{self, Packed};

/// Bytes at any offset.
pub trait ReadAt {
    /// As much as fits of what is there; 0 at the end and behind it.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, offset)
    }
}

pub enum Content {
    Plain(File),
    Packed(Packed),
}

impl Content {
    /// Opens a part. One that was packed since it was listed is found where it is now.
    pub fn open(path: &Path) -> io::Result<Content> {
        if packed::is_packed(path) {
            return Packed::open(open_plain(path)?).map(Content::Packed);
        }
        match open_plain(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => match open_plain(&packed::path_of(path)) {
                Ok(file) => Packed::open(file).map(Content::Packed),
                Err(_) => Err(error),
            },
            file => file.map(Content::Plain),
        }
    }

    /// How many bytes there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> io::Result<u64> {
        match self {
            Content::Plain(file) => Ok(file.metadata()?.len()),
            Content::Packed(packed) => Ok(packed.len()),
        }
    }

    /// What was found damaged while it was read.
    pub fn damage(&self) -> Option<String> {
        match self {
            Content::Plain(_) => None,
            Content::Packed(packed) => packed.damage(),
        }
    }
}

impl ReadAt for Content {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Content::Plain(file) => file.read_at(buffer, offset),
            Content::Packed(packed) => packed.read_at(buffer, offset),
        }
    }
}

/// Opens a regular file: a link could lead anywhere, and opening a pipe would wait for its other end.
pub(super) fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}
