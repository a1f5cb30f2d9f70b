//! Where the time went, as text: first what decided how long it took, then lanes and what they waited for.

use std::io::{self, Write};

use super::path::{Owner, Share, Worker};
use super::{LaneTime, ObjectTime, Stats};
use crate::causality::LaneIndex;
use crate::causality::time::{ObjectIndex, Place, WaitKind};
use crate::record::Site;
use crate::view::clock::duration;
use crate::view::names;
use crate::view::printable::{cut, one_line, pad};
use crate::view::style::{self, paint};

/// The widest name in a column.
const NAME: usize = 28;

/// Prints the answer; `most` rows a table.
pub fn write(stats: &Stats, run: &str, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let page = Page { stats, most };
    page.heading(run, out)?;
    page.path(out)?;
    page.lanes(out)?;
    page.objects("locks", &[WaitKind::Exclusion], out)?;
    page.objects("queues", &[WaitKind::Item, WaitKind::Room], out)?;
    page.objects("signals", &[WaitKind::Signal], out)?;
    page.pools(out)
}

struct Page<'a> {
    stats: &'a Stats<'a>,
    most: usize,
}

impl Page<'_> {
    fn heading(&self, run: &str, out: &mut dyn Write) -> io::Result<()> {
        let stats = self.stats;
        let program = stats.graph.processes.iter().find(|process| process.number == Some(1));
        let program = program.map_or_else(String::new, |process| format!("  {}", names::command(&process.argv)));
        let lanes = stats.lanes.len();
        let lanes = format!("{lanes} {}", if lanes == 1 { "lane" } else { "lanes" });
        writeln!(
            out,
            "{}{program}  {}  {lanes}",
            paint(style::BOLD, format!("run {run}")),
            paint(style::BOLD, duration(stats.took()))
        )
    }

    fn path(&self, out: &mut dyn Write) -> io::Result<()> {
        let stats = self.stats;
        let title = if stats.unfinished { "what the run came to wait for" } else { "what decided how long it took" };
        writeln!(out, "\n{}", paint(style::BOLD, title))?;
        for share in stats.shares.iter().take(self.most) {
            self.share(share, out)?;
        }
        self.more(stats.shares.len(), out)?;
        if let Some((object, least)) = stats.without {
            let saved = duration(stats.took().saturating_sub(least));
            let name = self.object(object);
            let text =
                format!("without waiting for {name}: {} at the least, {saved} saved at the most", duration(least));
            writeln!(out, "  {text}")?;
        }
        Ok(())
    }

    fn share(&self, share: &Share, out: &mut dyn Write) -> io::Result<()> {
        let percent = percent(share.ns, self.stats.took());
        let (what, style) = match &share.owner {
            Owner::Object(kind, object) => (format!("{} {}", waiting(*kind), self.object(*object)), style::WARN),
            Owner::Alone(on, object) => (self.alone(on, *object), style::PLAIN),
            Owner::Work(lane) => (format!("work of {}", self.lane(*lane)), style::PLAIN),
            Owner::Resuming => ("let go, and not running yet".to_owned(), style::DIM),
        };
        let by = self.workers(share);
        writeln!(
            out,
            "  {:>9}  {percent:>4}  {}{}",
            duration(share.ns),
            paint(style, pad(&what, NAME)),
            paint(style::DIM, by)
        )
    }

    fn alone(&self, on: &str, object: Option<ObjectIndex>) -> String {
        let what = object.map_or_else(|| one_line(on).into_owned(), |object| self.object(object));
        format!("waiting for {what}, nobody is known to have ended it")
    }

    /// Who was at it meanwhile.
    fn workers(&self, share: &Share) -> String {
        let verb = match share.owner {
            Owner::Object(WaitKind::Exclusion, _) => "held by ",
            Owner::Object(..) => "brought by ",
            _ => "",
        };
        let own = matches!(share.owner, Owner::Work(_));
        let name = |worker: &Worker| {
            let place = self.at(worker.place);
            let lane = if own { place.trim_start().to_owned() } else { format!("{}{place}", self.lane(worker.lane)) };
            format!("{lane} {}", percent(worker.ns, share.ns)).trim_start().to_owned()
        };
        let said: Vec<&Worker> = share.by.iter().filter(|worker| worker.ns.saturating_mul(100) >= share.ns).collect();
        let names: Vec<String> = said.iter().take(WORKERS).map(|worker| name(worker)).collect();
        let more = said.len().saturating_sub(WORKERS);
        let more = if more > 0 { format!(", {more} more") } else { String::new() };
        format!("  {verb}{}{more}", names.join(", "))
    }

    fn lanes(&self, out: &mut dyn Write) -> io::Result<()> {
        let stats = self.stats;
        let head = format!(
            "{}{:>10}{:>10}{:>10}{:>10}  waited longest for",
            pad("lanes", NAME + 2),
            "there",
            "on CPU",
            "waited",
            "neither"
        );
        writeln!(out, "\n{}", paint(style::BOLD, head))?;
        for time in stats.lanes.iter().take(self.most) {
            self.lane_row(time, out)?;
        }
        self.more(stats.lanes.len(), out)
    }

    fn lane_row(&self, time: &LaneTime, out: &mut dyn Write) -> io::Result<()> {
        let or_unknown = |ns: Option<u64>| ns.map_or_else(|| "?".to_owned(), duration);
        let waited = if time.says_waits { duration(time.waited) } else { "?".to_owned() };
        let longest = time.longest.as_ref().map_or_else(String::new, |(on, object, whom, ns)| {
            let what = match (object, whom) {
                (Some(object), _) => self.object(*object),
                (None, Some(lane)) => format!("{on} {}", self.lane(*lane)),
                (None, None) => on.clone(),
            };
            format!("{} {}", one_line(&what), duration(*ns))
        });
        let name = self.lane(time.lane);
        writeln!(
            out,
            "  {}{:>10}{:>10}{waited:>10}{:>10}  {longest}",
            pad(&cut(&name, NAME), NAME),
            duration(time.wall),
            or_unknown(time.cpu),
            or_unknown(time.rest()),
        )
    }

    fn objects(&self, title: &str, kinds: &[WaitKind], out: &mut dyn Write) -> io::Result<()> {
        let chosen: Vec<&ObjectTime> = self.stats.objects.iter().filter(|time| kinds.contains(&time.kind)).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        let head = format!("{}{:>10}{:>10}{:>10}", pad(title, NAME + 2), "waits", "waited", "longest");
        writeln!(out, "\n{}", paint(style::BOLD, head))?;
        for time in chosen.iter().take(self.most) {
            let name = format!("{}{}", self.object(time.object), side(time.kind));
            let holder = time.holders.first().map_or_else(String::new, |holder| {
                let place = self.at(holder.place);
                format!("  {} {}{place}, {}", verb(time.kind), self.lane(holder.lane), percent(holder.ns, time.waited))
            });
            writeln!(
                out,
                "  {}{:>10}{:>10}{:>10}{holder}",
                pad(&cut(&name, NAME), NAME),
                time.waits,
                duration(time.waited),
                duration(time.longest)
            )?;
        }
        self.more(chosen.len(), out)
    }

    fn pools(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.stats.pools.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{}", paint(style::BOLD, "pools"))?;
        for pool in self.stats.pools.iter().take(self.most) {
            let jobs = pool.backlog.jobs;
            let longest = duration(pool.backlog.longest);
            writeln!(
                out,
                "  {}  {jobs} jobs waited for a worker, the longest {longest}",
                pad(&self.object(pool.object), NAME)
            )?;
        }
        self.more(self.stats.pools.len(), out)
    }

    fn more(&self, all: usize, out: &mut dyn Write) -> io::Result<()> {
        if all > self.most {
            writeln!(out, "{}", paint(style::DIM, format!("  … {} more (-n 0 shows all)", all - self.most)))?;
        }
        Ok(())
    }

    fn lane(&self, lane: LaneIndex) -> String {
        let alone = self.stats.graph.processes.iter().filter(|process| !process.is_logq()).count() == 1;
        let near = if alone { Some(lane) } else { None };
        names::lane(self.stats.graph, lane, near)
    }

    fn object(&self, object: ObjectIndex) -> String {
        object_name(self.stats, object)
    }

    fn at(&self, place: Option<Place>) -> String {
        let site: Option<&Site> = place.map(|place| self.stats.schedule.ledger.place(place));
        site.map_or_else(String::new, |site| format!(" at {}", names::site(site)))
    }
}

const WORKERS: usize = 3;

/// `lock stock`.
pub(super) fn object_name(stats: &Stats, object: ObjectIndex) -> String {
    let object = stats.schedule.ledger.object(object);
    let lane = stats.graph.processes[object.process.0].lanes.first();
    lane.map_or_else(|| object.name.to_string(), |lane| names::object(stats.graph, *lane, &object.name))
}

fn waiting(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::Item => "waiting for items of",
        WaitKind::Room => "waiting for room in",
        _ => "waiting for",
    }
}

fn side(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::Item => ", empty",
        WaitKind::Room => ", full",
        _ => "",
    }
}

fn verb(kind: WaitKind) -> &'static str {
    match kind {
        WaitKind::Exclusion => "held by",
        WaitKind::Item => "filled by",
        WaitKind::Room => "emptied by",
        _ => "woken by",
    }
}

/// `41 %`.
fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0 %".to_owned();
    }
    format!("{:.0} %", part as f64 * 100.0 / whole as f64)
}
