//! Words that several kinds of finding share: places, times, numbers, and which frames are the program's own.

use crate::causality::{CausalGraph, LaneIndex};
use crate::record::{Exception, Frame, Lane, Site};

/// `orders.py:120`.
pub(super) fn place(site: &Site) -> String {
    let file = site.file.rsplit(['/', '\\']).next().unwrap_or(&site.file);
    format!("{file}:{}", site.line)
}

/// `, at orders.py:120`; nothing where the place is not known.
pub(super) fn at(site: Option<&Site>) -> String {
    site.map_or_else(String::new, |site| format!(", at {}", place(site)))
}

/// `1 item`, `3 items`.
pub(super) fn counted(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `450 ms`, `2.5 s`.
pub(super) fn lasting(ms: u64) -> String {
    if ms < 1000 { format!("{ms} ms") } else { format!("{:.1} s", ms as f64 / 1000.0) }
}

/// `a, b and c`; of many the first few and how many more.
pub(super) fn list(names: &[String]) -> String {
    const SHOWN: usize = 4;
    match names {
        [] => String::new(),
        [one] => one.clone(),
        _ if names.len() > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What to call a lane: of a main thread that is not the program's own, its process too.
pub(super) fn name_of(graph: &CausalGraph, lane: LaneIndex) -> String {
    let (facts, process) = (graph.lane(lane), graph.process_of(lane));
    match facts.display_name() {
        name if facts.lane == Lane::MAIN && process.number != Some(1) => {
            format!("{name} of {}", graph.process_name(facts.process))
        }
        name => name,
    }
}

/// Whether a frame is the program's: not the standard library's, not of an installed package.
pub(super) fn is_own(file: &str) -> bool {
    let in_library = file.contains("/site-packages/") || file.contains("/dist-packages/");
    let in_python = file.split('/').any(|part| part.starts_with("python3.") || part == "lib-dynload");
    !file.starts_with('<') && !in_library && !in_python
}

/// The program's frames of an exception, the innermost first. One that came from a worker process has its traceback as
/// the text of its cause.
pub(super) fn own_frames(exception: &Exception) -> Vec<Site> {
    let site = |frame: &Frame| Site { file: frame.file.clone(), line: frame.line, func: frame.func.clone() };
    let mut frames: Vec<Site> = exception.stack.iter().map(site).collect();
    let remote = exception.cause.as_ref().filter(|cause| cause.kind.ends_with("RemoteTraceback"));
    frames.extend(remote.into_iter().flat_map(|cause| cause.msg.lines()).filter_map(frame_of_text));
    frames.retain(|site| is_own(&site.file));
    frames.reverse();
    frames
}

/// `  File "jobs.py", line 7, in work`.
fn frame_of_text(line: &str) -> Option<Site> {
    let (file, rest) = line.trim().strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, func) = rest.split_once(", in ").unwrap_or((rest, ""));
    Some(Site { file: file.to_owned(), line: number.trim().parse().ok()?, func: func.to_owned() })
}
