//! A part in zstd's seekable format (frames of equal size, each with a checksum, and behind them a table of their sizes), read as
//! if it were the file that was packed: only the frames that are needed are inflated. `zstd -d` unpacks it, too.
//!
//! A frame that is damaged reads as zeros, so that everything behind it keeps its place, and is told. A table that is damaged is
//! made anew from the frames.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use zeekstd::SeekTable;

use super::content::ReadAt;
use super::lines::read_up_to;

/// Behind the name of the part.
pub(super) const ENDING: &str = ".zst";

/// How much of a part is in one frame. Smaller ones are inflated sooner for a single line, larger ones pack better.
pub(super) const FRAME: u32 = 256 << 10;

/// A frame of more is none of ours: nobody makes us inflate a gigabyte for a line.
const MOST_IN_A_FRAME: u64 = 16 << 20;

/// A file without a table is read whole to find its frames, up to so many bytes.
const MOST_READ_WHOLE: u64 = 1 << 30;

/// Bytes at the end of a table that say how long it is, and of what stands around its entries.
const TABLE_END: u64 = 9;
const TABLE_HEAD: u64 = 8;

pub(super) fn is_packed(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(ENDING.as_bytes())
}

/// Where a part lies once it is packed.
pub(super) fn path_of(part: &Path) -> PathBuf {
    let mut path = part.as_os_str().to_owned();
    path.push(ENDING);
    path.into()
}

pub struct Packed {
    file: File,
    table: SeekTable,
    /// Why the table was made anew.
    table_damage: Option<String>,
    /// The frame that was inflated last.
    inflated: RefCell<Option<(u32, Vec<u8>)>>,
    /// Frames that could not be inflated.
    damaged: RefCell<BTreeSet<u32>>,
}

impl Packed {
    pub fn open(mut file: File) -> io::Result<Packed> {
        let (table, table_damage) = match read_table(&mut file) {
            Ok(table) => (table, None),
            Err(why) => (find_frames(&file)?, Some(why)),
        };
        Ok(Packed { file, table, table_damage, inflated: RefCell::default(), damaged: RefCell::default() })
    }

    /// Of all that was packed.
    pub fn len(&self) -> u64 {
        self.table.size_decomp()
    }

    pub fn damage(&self) -> Option<String> {
        let damaged = self.damaged.borrow();
        let lost = damaged.iter().filter_map(|frame| self.table.frame_size_decomp(*frame).ok()).sum::<u64>();
        let frames = damaged.first().map(|first| {
            let begin = self.table.frame_start_decomp(*first).unwrap_or(0);
            let count = damaged.len();
            format!(
                "packed part damaged: {count} of its frames, the first at byte {begin}; {lost} bytes of lines are lost"
            )
        });
        match (frames, &self.table_damage) {
            (Some(frames), Some(table)) => Some(format!("{frames}; {table}")),
            (frames, table) => frames.or_else(|| table.clone()),
        }
    }

    fn inflate(&self, frame: u32) -> io::Result<Vec<u8>> {
        let size = self.table.frame_size_decomp(frame).map_err(io::Error::other)?;
        let packed_size = self.table.frame_size_comp(frame).map_err(io::Error::other)?;
        let start = self.table.frame_start_comp(frame).map_err(io::Error::other)?;
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let mut packed = vec![0; usize::try_from(packed_size).map_err(io::Error::other)?];
        let got = read_up_to(&self.file, &mut packed, start)?;
        packed.truncate(got);
        match zstd::bulk::decompress(&packed, size) {
            Ok(bytes) if bytes.len() == size => Ok(bytes),
            _ => {
                self.damaged.borrow_mut().insert(frame);
                Ok(vec![0; size])
            }
        }
    }
}

impl ReadAt for Packed {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if offset >= self.len() || buffer.is_empty() {
            return Ok(0);
        }
        let frame = self.table.frame_index_decomp(offset);
        let begin = self.table.frame_start_decomp(frame).map_err(io::Error::other)?;
        let mut inflated = self.inflated.borrow_mut();
        if inflated.as_ref().is_none_or(|(number, _)| *number != frame) {
            *inflated = Some((frame, self.inflate(frame)?));
        }
        let bytes = inflated.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        let from = usize::try_from(offset - begin).map_err(io::Error::other)?;
        let there = bytes.get(from..).unwrap_or_default();
        let len = there.len().min(buffer.len());
        buffer[..len].copy_from_slice(&there[..len]);
        Ok(len)
    }
}

/// The table at the end of the file; `Err` with what is wrong with it.
fn read_table(file: &mut File) -> Result<SeekTable, String> {
    let damaged = |why: &str| format!("the table of a packed part is damaged ({why}); it was read by its frames");
    let len = file.metadata().map_err(|error| damaged(&error.to_string()))?.len();
    // Its own word of how many frames there are is held against the file before anything is made room for.
    let mut count = [0; 4];
    let got = read_up_to(file, &mut count, len.saturating_sub(TABLE_END)).unwrap_or(0);
    let entries = u64::from(u32::from_le_bytes(count)) * 8;
    let around = TABLE_HEAD + TABLE_END;
    if got < count.len() || entries + around > len {
        return Err(damaged("it does not fit into the file"));
    }
    let table = SeekTable::from_seekable(file).map_err(|error| damaged(&error.to_string()))?;
    if table.size_comp() + entries + around != len {
        return Err(damaged("its frames are not those of the file"));
    }
    // The table has no checksum. That all frames but the last are of one size, and how much the last one says it holds, has.
    let frames = table.num_frames();
    let first = if frames > 0 { table.frame_size_decomp(0).unwrap_or(0) } else { 0 };
    let is_even =
        (0..frames.saturating_sub(1)).all(|frame| table.frame_size_decomp(frame).is_ok_and(|size| size == first));
    if table.max_frame_size_decomp() > MOST_IN_A_FRAME || !is_even || table.max_frame_size_comp() > MOST_IN_A_FRAME * 2
    {
        return Err(damaged("its frames are not of one size"));
    }
    if frames > 0 {
        let start = table.frame_start_comp(frames - 1).unwrap_or(0);
        let mut head = [0; 18];
        let got = read_up_to(file, &mut head, start).unwrap_or(0);
        let said = zstd::zstd_safe::get_frame_content_size(&head[..got]).ok().flatten();
        if said.is_some_and(|said| Ok(said) != table.frame_size_decomp(frames - 1).map_err(drop)) {
            return Err(damaged("its last frame holds another number of bytes"));
        }
    }
    Ok(table)
}

/// A table of the frames that lie one behind the other in the file.
fn find_frames(file: &File) -> io::Result<SeekTable> {
    let len = file.metadata()?.len();
    if len > MOST_READ_WHOLE {
        return Err(io::Error::other("the table of a packed part is damaged; `zstd -d` may still unpack it"));
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    let got = read_up_to(file, &mut bytes, 0)?;
    bytes.truncate(got);
    let mut table = SeekTable::new();
    let mut rest = &bytes[..];
    // A frame that cannot be measured, and the table itself, end what can be read.
    while let Ok(Some(size)) = zstd::zstd_safe::get_frame_content_size(rest) {
        let Ok(packed_size) = zstd::zstd_safe::find_frame_compressed_size(rest) else { break };
        let (Ok(size), Ok(logged)) = (u32::try_from(size), u32::try_from(packed_size)) else { break };
        if u64::from(size) > MOST_IN_A_FRAME || size == 0 || table.log_frame(logged, size).is_err() {
            break;
        }
        rest = rest.get(packed_size..).unwrap_or_default();
    }
    if table.num_frames() == 0 && len > 0 {
        return Err(io::Error::other("no packed part: it has neither a table nor frames"));
    }
    Ok(table)
}
