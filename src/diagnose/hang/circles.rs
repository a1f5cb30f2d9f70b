//! Circles in the wait-for graph: its strongly connected components, by Tarjan's algorithm, without recursion.

use std::collections::{BTreeSet, HashMap};

use crate::causality::LaneIndex;

/// Each circle of lanes that wait for each other, or of one that waits for itself; in the order of waiting, from the first lane.
pub fn of(edges: &[(LaneIndex, Vec<LaneIndex>)]) -> Vec<Vec<LaneIndex>> {
    let place: HashMap<LaneIndex, usize> = edges.iter().enumerate().map(|(place, (lane, _))| (*lane, place)).collect();
    let targets: Vec<Vec<usize>> =
        edges.iter().map(|(_, to)| to.iter().filter_map(|lane| place.get(lane).copied()).collect()).collect();
    let components = Search::new(&targets).components();
    let is_circle = |component: &Vec<usize>| component.len() > 1 || targets[component[0]].contains(&component[0]);
    let circles = components.into_iter().filter(is_circle).map(|component| in_order(&component, &targets));
    circles.map(|circle| circle.into_iter().map(|place| edges[place].0).collect()).collect()
}

struct Search<'a> {
    targets: &'a [Vec<usize>],
    /// When each node was reached, and the earliest node on the stack that it reaches.
    number: Vec<Option<usize>>,
    low: Vec<usize>,
    stack: Vec<usize>,
    on_stack: Vec<bool>,
    reached: usize,
    found: Vec<Vec<usize>>,
}

impl<'a> Search<'a> {
    fn new(targets: &'a [Vec<usize>]) -> Search<'a> {
        let n = targets.len();
        Search {
            targets,
            number: vec![None; n],
            low: vec![0; n],
            stack: Vec::new(),
            on_stack: vec![false; n],
            reached: 0,
            found: Vec::new(),
        }
    }

    fn components(mut self) -> Vec<Vec<usize>> {
        for start in 0..self.targets.len() {
            if self.number[start].is_none() {
                self.search(start);
            }
        }
        self.found
    }

    fn search(&mut self, start: usize) {
        // Each entry: a node, and how many of its edges have been followed.
        let mut path = vec![(start, 0)];
        self.reach(start);
        while let Some((node, next)) = path.last_mut() {
            let (at, edge) = (*node, *next);
            *next += 1;
            match self.targets[at].get(edge) {
                Some(to) if self.number[*to].is_none() => {
                    self.reach(*to);
                    path.push((*to, 0));
                }
                Some(to) if self.on_stack[*to] => {
                    self.low[at] = self.low[at].min(self.number[*to].unwrap_or(usize::MAX));
                }
                Some(_) => {}
                None => {
                    path.pop();
                    if let Some((parent, _)) = path.last() {
                        self.low[*parent] = self.low[*parent].min(self.low[at]);
                    }
                    if Some(self.low[at]) == self.number[at] {
                        self.take_component(at);
                    }
                }
            }
        }
    }

    fn reach(&mut self, node: usize) {
        self.number[node] = Some(self.reached);
        self.low[node] = self.reached;
        self.reached += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn take_component(&mut self, root: usize) {
        let mut component = Vec::new();
        while let Some(node) = self.stack.pop() {
            self.on_stack[node] = false;
            component.push(node);
            if node == root {
                break;
            }
        }
        component.sort_unstable();
        self.found.push(component);
    }
}

/// The members as one waits for the next, as far as there is one way round.
fn in_order(component: &[usize], targets: &[Vec<usize>]) -> Vec<usize> {
    let mut left: BTreeSet<usize> = component.iter().copied().collect();
    let mut ordered = vec![component[0]];
    while let Some(last) = ordered.last() {
        left.remove(last);
        match targets[*last].iter().find(|to| left.contains(to)) {
            Some(next) => ordered.push(*next),
            None => break,
        }
    }
    ordered.extend(left);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(edges: &[(usize, &[usize])]) -> Vec<Vec<usize>> {
        let lanes = |list: &[usize]| list.iter().map(|lane| LaneIndex(*lane)).collect();
        let edges: Vec<(LaneIndex, Vec<LaneIndex>)> =
            edges.iter().map(|(from, to)| (LaneIndex(*from), lanes(to))).collect();
        of(&edges).into_iter().map(|circle| circle.into_iter().map(|lane| lane.0).collect()).collect()
    }

    #[test]
    fn circles_are_found_and_chains_are_not() {
        assert_eq!(circles(&[(1, &[2]), (2, &[3]), (3, &[1]), (4, &[1])]), [vec![1, 2, 3]]);
        assert_eq!(circles(&[(1, &[1]), (2, &[1])]), [vec![1]]);
        assert_eq!(circles(&[(1, &[2]), (2, &[9])]), Vec::<Vec<usize>>::new());
        assert_eq!(circles(&[(1, &[2]), (2, &[1]), (3, &[4]), (4, &[3, 1])]), [vec![1, 2], vec![3, 4]]);
    }
}
