//! The gutter of a timeline: a column a lane, with a line while the lane lives, a dotted one while it waits, and arrows
//! through the columns where something is handed over.

use crate::causality::LaneIndex;
use crate::record::EventKind;
use crate::view::timeline::{Row, Timeline};

pub struct Gutter<'a> {
    lanes: &'a [LaneIndex],
    /// First and last row of each column's line.
    spans: Vec<(usize, usize)>,
    /// Rows behind a wait and before its end, in each column.
    waits: Vec<Vec<(usize, usize)>>,
}

impl<'a> Gutter<'a> {
    pub fn of(timeline: &'a Timeline) -> Gutter<'a> {
        Gutter {
            lanes: &timeline.lanes,
            spans: timeline.lanes.iter().map(|lane| timeline.span_of(*lane)).collect(),
            waits: waits(timeline),
        }
    }

    /// The columns of a row, with the mark in the lane's own.
    pub fn row(&self, row: usize, lane: LaneIndex, mark: &str) -> String {
        let column = |(column, shown): (usize, &LaneIndex)| match *shown == lane {
            true => mark,
            false => self.line(row, column),
        };
        self.spaced(self.lanes.iter().enumerate().map(column))
    }

    /// The columns of a row that belongs to none of them.
    pub fn lines(&self, row: usize) -> String {
        self.spaced((0..self.lanes.len()).map(|column| self.line(row, column)))
    }

    fn spaced<'t>(&self, marks: impl Iterator<Item = &'t str>) -> String {
        let mut text: String = marks.flat_map(|mark| [mark, " "]).collect();
        if self.lanes.len() > 1 {
            text.push(' ');
        }
        text
    }

    /// The columns of a row with an arrow from one to another.
    pub fn arrow(&self, row: usize, start: usize, end: usize, head: char) -> String {
        arrow(self.lanes.len(), start, end, head, |column| self.line(row, column))
    }

    /// A column's line, while its lane lives.
    fn line(&self, row: usize, column: usize) -> &'static str {
        let (first, last) = self.spans[column];
        let after = self.waits[column].partition_point(|(begin, _)| *begin <= row);
        let waits = after.checked_sub(1).is_some_and(|wait| row <= self.waits[column][wait].1);
        match (first..=last).contains(&row) {
            true if waits => "┊",
            true => "│",
            false => " ",
        }
    }
}

/// For each column, from the row of a wait to the row that tells of its end.
fn waits(timeline: &Timeline) -> Vec<Vec<(usize, usize)>> {
    let mut waits: Vec<Vec<(usize, usize)>> = vec![Vec::new(); timeline.lanes.len()];
    for (place, row) in timeline.rows.iter().enumerate() {
        let Row::Record(at) = row else { continue };
        let Some(column) = timeline.lanes.iter().position(|lane| *lane == at.lane) else { continue };
        match timeline.graph.node(*at).event {
            Some(EventKind::Wait) => waits[column].push((place, usize::MAX)),
            Some(EventKind::Got | EventKind::End | EventKind::Exit) => {
                let open = waits[column].iter_mut().rev().find(|(_, end)| *end == usize::MAX);
                open.into_iter().for_each(|wait| wait.1 = place);
            }
            _ => {}
        }
    }
    waits
}

/// `├─┼─▶` from one column to another; `line` is what the columns that it does not touch show.
fn arrow(columns: usize, start: usize, end: usize, head: char, line: impl Fn(usize) -> &'static str) -> String {
    let (low, high) = (start.min(end), start.max(end));
    let mut text = String::new();
    for column in 0..columns {
        match column {
            _ if column == end => text.push(head),
            _ if column == start => text.push(if end > start { '├' } else { '┤' }),
            _ if (low..high).contains(&column) => text.push(if line(column) == " " { '─' } else { '┼' }),
            _ => text.push_str(line(column)),
        }
        text.push(if (low..high).contains(&column) { '─' } else { ' ' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::arrow;

    #[test]
    fn arrows_go_through_the_columns_between() {
        assert_eq!(arrow(3, 0, 2, '▶', |_| "│").trim_end(), "├─┼─▶");
        assert_eq!(arrow(3, 2, 1, '◀', |_| "│").trim_end(), "│ ◀─┤");
        assert_eq!(arrow(2, 0, 1, '▶', |_| "│").trim_end(), "├─▶");
    }
}
