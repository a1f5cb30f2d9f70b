//! Compressed files, read as they are: a stream of what is in them. Bounded in memory whatever they hold; one that unpacks to
//! far more than any log does is given up.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

/// A file that grows beyond this when unpacked, and by more than [`MOST_GROWTH`], is a trap.
const HARMLESS: u64 = 64 << 20;
const MOST_GROWTH: u64 = 1000;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// By what the file begins with; names lie.
    pub fn of(head: &[u8]) -> Option<Packing> {
        if head.starts_with(&[0x1f, 0x8b]) {
            Some(Packing::Gzip)
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Some(Packing::Zstd)
        } else {
            None
        }
    }
}

pub(super) struct Unpacked {
    stream: Box<dyn Read + Send>,
    given: u64,
    most: u64,
    /// What was met behind the bytes that were given last.
    damage: Option<io::Error>,
}

impl Unpacked {
    pub fn open(file: &File, packing: Packing) -> io::Result<Unpacked> {
        let most = file.metadata()?.len().saturating_mul(MOST_GROWTH).max(HARMLESS);
        let mut file = file.try_clone()?;
        file.rewind()?;
        let file = BufReader::new(file);
        let stream: Box<dyn Read + Send> = match packing {
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(file)?;
                // 128 MB: what zstd itself unpacks without being asked for more.
                decoder.window_log_max(27)?;
                Box::new(decoder)
            }
        };
        Ok(Unpacked { stream, given: 0, most, damage: None })
    }

    /// The next bytes; 0 at the end. What was unpacked before the damage counts: that is told at the next call.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(damage) = self.damage.take() {
            return Err(damage);
        }
        if self.given > self.most {
            return Err(io::Error::other(format!("unpacks to more than {} bytes: given up", self.most)));
        }
        let mut filled = 0;
        while filled < buffer.len() {
            match self.stream.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if filled > 0 => {
                    self.damage = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.given += filled as u64;
        Ok(filled)
    }

    /// Passes over what has been read before.
    pub fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        while bytes > 0 {
            let most = buffer.len().min(usize::try_from(bytes).unwrap_or(usize::MAX));
            let got = self.read(&mut buffer[..most])?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes -= got as u64;
        }
        Ok(())
    }
}
