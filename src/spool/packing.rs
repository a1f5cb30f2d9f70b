//! Packs a part that nobody writes any more, so that it can be read in place. The packed file is written aside, made safe, read
//! back byte for byte and put in place at once; only then the plain one may go. Whatever dies when, one of the two is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zeekstd::SeekTable;
use zstd::zstd_safe::CParameter;

use super::Part;
use super::content::open_plain;
use super::lines::read_up_to;
use super::packed::{self, FRAME, Packed};

/// Behind the name of a packed part that is not finished.
pub(super) const UNFINISHED: &str = ".zst.new";

/// Packs a plain part beside itself; how large the packed one is. The plain one stays.
pub fn pack(part: &Path) -> io::Result<u64> {
    let aside = aside_of(part);
    let packed = write_packed(part, &aside).and_then(|size| {
        compare(part, &aside)?;
        fs::rename(&aside, packed::path_of(part))?;
        Ok(size)
    });
    if packed.is_err() {
        let _ = fs::remove_file(&aside);
    }
    packed
}

/// Whether a part is packed already.
pub fn is_packed(part: &Part) -> bool {
    packed::is_packed(&part.path)
}

/// Removes the plain file of a part whose packed one is in place, and safe there.
pub fn remove_plain(part: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(packed::path_of(part))?.is_file() {
        return Err(io::Error::other("it is not packed"));
    }
    fs::remove_file(part)
}

fn aside_of(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(UNFINISHED);
    path.into()
}

pub(super) fn write_packed(part: &Path, aside: &Path) -> io::Result<u64> {
    let plain = open_plain(part)?;
    match fs::remove_file(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(aside)?;
    let mut compressor = zstd::bulk::Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL)?;
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    let mut table = SeekTable::new();
    let mut buffer = vec![0; FRAME as usize];
    let mut offset = 0;
    loop {
        let got = read_up_to(&plain, &mut buffer, offset)?;
        if got == 0 {
            break;
        }
        let frame = compressor.compress(&buffer[..got])?;
        out.write_all(&frame)?;
        let sizes = (u32::try_from(frame.len()), u32::try_from(got));
        let (Ok(packed), Ok(plain)) = sizes else { return Err(io::Error::other("a frame too large")) };
        table.log_frame(packed, plain).map_err(io::Error::other)?;
        offset += got as u64;
    }
    io::copy(&mut table.into_serializer(), &mut out)?;
    // It was written when it was written: retention goes by that.
    out.set_modified(plain.metadata()?.modified()?)?;
    out.sync_all()?;
    Ok(out.metadata()?.len())
}

/// Fails unless the packed part is, byte for byte, what was packed.
pub(super) fn compare(part: &Path, aside: &Path) -> io::Result<()> {
    let (plain, packed) = (open_plain(part)?, Packed::open(open_plain(aside)?)?);
    let (mut left, mut right) = (vec![0; FRAME as usize], vec![0; FRAME as usize]);
    let mut offset = 0;
    loop {
        let got = read_up_to(&plain, &mut left, offset)?;
        if read_up_to(&packed, &mut right, offset)? != got || left[..got] != right[..got] {
            return Err(io::Error::other("it was changed while it was packed"));
        }
        if got == 0 {
            return if packed.damage().is_none() { Ok(()) } else { Err(io::Error::other("it cannot be read back")) };
        }
        offset += got as u64;
    }
}
