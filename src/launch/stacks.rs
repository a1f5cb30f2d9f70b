//! Asking a process for its stacks by a signal, where the program was started with one for that (`LOGQ_DUMP_SIGNAL`):
//! the handler is in C, and answers even while code in C keeps the GIL.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long the handler may take, and how long it writes nothing more when it is done.
const PATIENCE: Duration = Duration::from_secs(2);
const DONE_AFTER: Duration = Duration::from_millis(100);
const NEXT_LOOK: Duration = Duration::from_millis(10);

/// What the watchdog runs.
const OUR_OWN: &str = "/logq/watchdog.py\"";

const LONGEST: u64 = 1 << 20;

/// The lines that the process writes of its stacks now. None where it was not asked to be ready for that, or says nothing.
pub fn ask(pid: u32, spool: &Path, key: &str) -> Option<Vec<String>> {
    let path = spool.join(format!("{key}.stacks"));
    let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let mut file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut first = String::new();
    BufReader::new((&file).take(64)).read_line(&mut first).ok()?;
    let number: i32 = first.trim().strip_prefix("signal ")?.parse().ok()?;
    // Without a handler the signal would end the process.
    if !catches(pid, number) {
        return None;
    }
    let before = file.metadata().ok()?.len();
    kill_process(Pid::from_raw(i32::try_from(pid).ok()?)?, Signal::from_named_raw(number)?).ok()?;
    wait_until_written(&file, before)?;
    file.seek(SeekFrom::Start(before)).ok()?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text);
    let threads = text.split("\n\n").filter(|thread| !thread.contains(OUR_OWN));
    Some(threads.flat_map(str::lines).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn wait_until_written(file: &File, before: u64) -> Option<()> {
    let deadline = Instant::now() + PATIENCE;
    let (mut size, mut since) = (before, Instant::now());
    while Instant::now() < deadline && (size == before || since.elapsed() < DONE_AFTER) {
        std::thread::sleep(NEXT_LOOK);
        let now = file.metadata().ok()?.len();
        if now != size {
            (size, since) = (now, Instant::now());
        }
    }
    (size > before).then_some(())
}

/// Whether the process has a handler for the signal.
fn catches(pid: u32, number: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let bit = number.checked_sub(1).and_then(|bit| u32::try_from(bit).ok()).and_then(|bit| 1u64.checked_shl(bit));
    bit.is_some_and(|bit| mask & bit != 0)
}
