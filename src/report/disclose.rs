//! Which counts of a table may be printed: small ones are withheld, and as many others as it
//! takes that no withheld count can be worked out from what is printed.
//!
//! A table with its totals is a **flow**: each count is an edge, at every node as much comes in as
//! goes out (a row's total comes in, its cells go out; cells come in, the column's total goes
//! out). Somebody who reads the table knows the printed edges exactly, and of a withheld one that
//! it lies below the limit, or that it does not. Two fillings of the same table differ by cycles
//! of withheld edges, along which one count rises and the next falls; so a withheld count can be
//! worked out exactly when no cycle goes through it that its bounds allow. Where none does, the
//! cheapest one is withheld too.
//!
//! After L. Cox, "Network models for complementary cell suppression" (JASA 90, 1995); zeros are
//! printed, unless they are needed to hide others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A point where as much comes in as goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node(usize);

/// A count, to be asked for when the flow is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(usize);

/// A count as it may be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(into = "serde_json::Value")]
pub enum Cell {
    /// As it is.
    Exact(u64),
    /// Below the limit: it may be nothing.
    Few {
        /// The limit.
        below: u64,
    },
    /// Not below the limit, and withheld so that others cannot be worked out.
    Withheld {
        /// The limit.
        below: u64,
    },
}

impl Cell {
    /// Whether it is printed as it is.
    #[must_use]
    pub const fn exact(self) -> Option<u64> {
        match self {
            Self::Exact(count) => Some(count),
            _ => None,
        }
    }
}

impl From<Cell> for serde_json::Value {
    /// A number, `"<5"`, or `"5+"`.
    fn from(cell: Cell) -> Self {
        match cell {
            Cell::Exact(count) => count.into(),
            Cell::Few { .. } | Cell::Withheld { .. } => cell.to_string().into(),
        }
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(count) => write!(f, "{}", super::say::count(*count)),
            Self::Few { below } => write!(f, "<{below}"),
            Self::Withheld { below } => write!(f, "{below}+"),
        }
    }
}

/// How an edge is known to somebody who reads the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Printed whatever it is: a total of the whole.
    Public,
    /// Printed, if nothing speaks against it.
    Printed,
    /// Printed as small or as withheld.
    Hidden,
    /// Never printed; may be anything.
    Unsaid,
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    from: usize,
    to: usize,
    value: u64,
    known: Known,
}

/// There is no way to withhold a small count of the table: only the whole table can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a small count cannot be hidden in this table")]
pub struct CannotHide;

/// The counts of a table and how they add up.
#[derive(Debug, Clone)]
pub struct Flow {
    /// Counts from 1 up to here, excluded, are small.
    below: u64,
    nodes: usize,
    edges: Vec<Edge>,
}

impl Flow {
    /// An empty table where counts below `below` are withheld; 0 or 1: none is.
    #[must_use]
    pub const fn new(below: u64) -> Self {
        Self { below, nodes: 0, edges: Vec::new() }
    }

    /// Another node.
    pub fn node(&mut self) -> Node {
        self.nodes += 1;
        Node(self.nodes - 1)
    }

    /// A count that is printed if it may be.
    pub fn count(&mut self, from: Node, to: Node, value: u64) -> Count {
        self.edge(from, to, value, Known::Printed)
    }

    /// A total that everybody knows.
    pub fn public(&mut self, from: Node, to: Node, value: u64) -> Count {
        self.edge(from, to, value, Known::Public)
    }

    /// A count that is not printed, but can be had from others if they are.
    pub fn unsaid(&mut self, from: Node, to: Node, value: u64) {
        self.edge(from, to, value, Known::Unsaid);
    }

    fn edge(&mut self, from: Node, to: Node, value: u64, known: Known) -> Count {
        self.edges.push(Edge { from: from.0, to: to.0, value, known });
        Count(self.edges.len() - 1)
    }

    /// Withholds what must be.
    ///
    /// # Errors
    /// When no choice of counts hides all that must be hidden. The table is not to be printed.
    ///
    /// # Panics
    /// If somewhere not as much comes in as goes out: the counts are of no one table.
    pub fn settle(mut self) -> Result<Settled, CannotHide> {
        self.check();
        let small =
            |edge: &Edge| edge.known == Known::Printed && (1..self.below).contains(&edge.value);
        let mut hidden: Vec<usize> =
            (0..self.edges.len()).filter(|edge| small(&self.edges[*edge])).collect();
        hidden.iter().for_each(|edge| self.edges[*edge].known = Known::Hidden);
        let mut next = 0;
        // What is hidden once stays hidden: a cycle found for one count is never lost to another.
        while let Some(edge) = hidden.get(next).copied() {
            next += 1;
            for along in self.cycle(edge).ok_or(CannotHide)? {
                if self.edges[along].known == Known::Printed {
                    self.edges[along].known = Known::Hidden;
                    hidden.push(along);
                }
            }
        }
        Ok(Settled(self))
    }

    fn check(&self) {
        let mut left = vec![0_i128; self.nodes];
        for edge in &self.edges {
            left[edge.from] -= i128::from(edge.value);
            left[edge.to] += i128::from(edge.value);
        }
        assert!(left.iter().all(|left| *left == 0), "the counts of a table add up");
    }

    /// What is known of an edge once it is not printed: its least and its greatest value.
    const fn bounds(&self, edge: &Edge) -> (u64, u64) {
        match edge.known {
            Known::Unsaid => (0, u64::MAX),
            _ if edge.value < self.below => (0, self.below - 1),
            _ => (self.below, u64::MAX),
        }
    }

    /// The cheapest cycle of edges, printed ones being dear, along which `edge` could be one more
    /// or one less.
    fn cycle(&self, edge: usize) -> Option<Vec<usize>> {
        let Edge { from, to, value, .. } = self.edges[edge];
        let (least, greatest) = self.bounds(&self.edges[edge]);
        let more = (value < greatest).then(|| self.path(to, from, edge)).flatten();
        let less = (value > least).then(|| self.path(from, to, edge)).flatten();
        let cheaper = more.into_iter().chain(less).min_by_key(|(cost, _)| *cost);
        cheaper.map(|(_, path)| path)
    }

    /// The cheapest path from `start` to `goal` without `avoid`: along an edge where one more can
    /// flow, against it where one less can.
    fn path(&self, start: usize, goal: usize, avoid: usize) -> Option<(u64, Vec<usize>)> {
        let mut best = vec![(u64::MAX, usize::MAX, usize::MAX); self.nodes];
        let mut heap = BinaryHeap::from([(Reverse(0_u64), start)]);
        best[start].0 = 0;
        let mut steps: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.nodes];
        for (index, edge) in self.edges.iter().enumerate() {
            if index == avoid || edge.known == Known::Public {
                continue;
            }
            let (least, greatest) = self.bounds(edge);
            if edge.value < greatest {
                steps[edge.from].push((edge.to, index));
            }
            if edge.value > least {
                steps[edge.to].push((edge.from, index));
            }
        }
        while let Some((Reverse(cost), node)) = heap.pop() {
            if node == goal {
                let mut path = Vec::new();
                let mut at = goal;
                while at != start {
                    let (_, before, edge) = best[at];
                    path.push(edge);
                    at = before;
                }
                return Some((cost, path));
            }
            if cost > best[node].0 {
                continue;
            }
            for (to, edge) in &steps[node] {
                let dear = match self.edges[*edge].known {
                    Known::Printed => 8 + u64::from((self.edges[*edge].value + 1).ilog2()),
                    _ => 0,
                };
                let cost = cost + dear;
                if cost < best[*to].0 {
                    best[*to] = (cost, node, *edge);
                    heap.push((Reverse(cost), *to));
                }
            }
        }
        None
    }
}

/// A table of which is known what may be printed.
#[derive(Debug, Clone)]
pub struct Settled(Flow);

impl Settled {
    /// A count as it may be printed.
    #[must_use]
    pub fn cell(&self, count: Count) -> Cell {
        let Flow { below, edges, .. } = &self.0;
        let edge = &edges[count.0];
        match edge.known {
            Known::Public | Known::Printed => Cell::Exact(edge.value),
            _ if edge.value < *below => Cell::Few { below: *below },
            _ => Cell::Withheld { below: *below },
        }
    }
}
