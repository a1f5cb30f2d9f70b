//! Words that several kinds of finding share: places, times, numbers, and which frames are the program's own.

use crate::causality::{CausalGraph, LaneIndex};
use crate::record::{Frame, Site};

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

pub(super) fn name_of(graph: &CausalGraph, lane: LaneIndex) -> String {
    graph.lane(lane).display_name()
}

/// Whether a frame is the program's: not the standard library's, not of an installed package.
pub(super) fn is_own(file: &str) -> bool {
    let in_library = file.contains("/site-packages/") || file.contains("/dist-packages/");
    let in_python = file.split('/').any(|part| part.starts_with("python3.") || part == "lib-dynload");
    !file.starts_with('<') && !in_library && !in_python
}

/// The program's frames of a traceback, the innermost first.
pub(super) fn own_frames(stack: &[Frame]) -> impl Iterator<Item = Site> + '_ {
    let own = stack.iter().rev().filter(|frame| is_own(&frame.file));
    own.map(|frame| Site { file: frame.file.clone(), line: frame.line, func: frame.func.clone() })
}
