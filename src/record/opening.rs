//! What each line of our own writers opens with, in their order: when, and who. The names are known beforehand, so they are
//! only compared, which costs half of what it costs to read each name and to look for what it means.

use super::id::Lane;
use super::scan::Scan;
use super::time;

/// Letters of the times that our writers write.
const TIME: usize = 30;

pub(super) struct Opening<'l> {
    pub ts: i64,
    pub mono: u64,
    pub proc: &'l str,
    pub pid: u32,
    pub lane: &'l str,
    pub lane_read: Lane,
    pub seq: u64,
}

impl<'l> Opening<'l> {
    /// Reads it, and whether more members follow. Where the line opens otherwise nothing is read.
    pub fn read(scan: &mut Scan<'l>) -> Option<(Opening<'l>, bool)> {
        let start = scan.mark();
        let opening = Opening::read_on(scan);
        if opening.is_none() {
            scan.back_to(start);
        }
        opening
    }

    fn read_on(scan: &mut Scan<'l>) -> Option<(Opening<'l>, bool)> {
        scan.word(r#"{"ts":""#)?;
        let ts = time::parse_rfc3339(scan.letters(TIME)?)?;
        scan.word(r#"","mono":"#)?;
        let mono = scan.whole_number()?;
        scan.word(r#","proc":"#)?;
        let proc = scan.plain_string()?;
        scan.word(r#","pid":"#)?;
        let pid = u32::try_from(scan.whole_number()?).ok()?;
        scan.word(r#","lane":"#)?;
        let lane = scan.plain_string()?;
        let lane_read = lane.parse().ok()?;
        scan.word(r#","seq":"#)?;
        let seq = scan.whole_number()?;
        let opening = Opening { ts, mono, proc, pid, lane, lane_read, seq };
        Some((opening, scan.is_more(b'}')?))
    }
}
