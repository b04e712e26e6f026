//! A key for every number, any of which can be destroyed: the tree of Goldreich, Goldwasser and Micali
//! ("How to construct random functions", 1986), punctured as in Green and Miers (2015).
//!
//! The secret of a node gives those of its two children by a one-way function; a number's 64 bits are the way down
//! from the root to its key. Whoever holds a node derives everything under it and nothing beside it. To destroy
//! one number is to replace the node it hangs under by the siblings along its way: at most 64 of them, and fewer the
//! more were destroyed near it. No key is ever stored by itself, so intake writes nothing but its log.

use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Thirty-two bytes that are wiped when they are let go.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// Bits of a number.
const DEPTH: u8 = 64;

/// One node: the numbers from its start that share its first `depth` bits.
#[derive(Clone)]
struct Node {
    depth: u8,
    secret: Secret,
}

impl Node {
    /// The bits below it.
    fn below(&self) -> u64 {
        u64::MAX.checked_shr(u32::from(self.depth)).unwrap_or(0)
    }

    /// The last number under it.
    fn end(&self, start: u64) -> u64 {
        start | self.below()
    }

    /// The bit by which its two children differ.
    fn bit(&self) -> u64 {
        1 << (DEPTH - 1 - self.depth)
    }

    fn child(&self, start: u64, right: bool) -> (u64, Self) {
        let secret = blake3::keyed_hash(&self.secret, &[u8::from(right)]);
        let node = Self { depth: self.depth + 1, secret: Zeroizing::new(secret.into()) };
        (if right { start | self.bit() } else { start }, node)
    }

    /// The child towards `label`.
    fn down(&self, start: u64, label: u64) -> (u64, Self) {
        self.child(start, label & self.bit() != 0)
    }

    /// The way down towards `label`: the child on it, and the one beside it.
    fn split(&self, start: u64, label: u64) -> ((u64, Self), (u64, Self)) {
        let right = label & self.bit() != 0;
        (self.child(start, right), self.child(start, !right))
    }
}

/// What is left of the tree: disjoint nodes, by the first number under them.
#[derive(Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<u64, Node>,
    /// The nodes above the key derived last, each under the one before: calls are numbered in order, and the way to
    /// the next key is mostly the same but for its last steps.
    way: Vec<(u64, Node)>,
}

impl Tree {
    /// A whole tree from its root.
    pub(super) fn new(root: Secret) -> Self {
        Self { nodes: BTreeMap::from([(0, Node { depth: 0, secret: root })]), way: Vec::new() }
    }

    /// A tree of the nodes kept in a file; `None` when two of them overlap, or one is none.
    pub(super) fn of(nodes: impl IntoIterator<Item = (u64, u8, Secret)>) -> Option<Self> {
        let mut tree = Self { nodes: BTreeMap::new(), way: Vec::new() };
        let mut next = Some(0);
        let mut nodes: Vec<_> = nodes.into_iter().collect();
        nodes.sort_by_key(|(start, ..)| *start);
        for (start, depth, secret) in nodes {
            let node = Node { depth, secret };
            let aligned = depth <= DEPTH && start & node.below() == 0;
            if !aligned || next.is_none_or(|next| start < next) {
                return None;
            }
            next = node.end(start).checked_add(1);
            tree.nodes.insert(start, node);
        }
        Some(tree)
    }

    /// The nodes, to be kept.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (u64, u8, &[u8; 32])> + '_ {
        self.nodes.iter().map(|(start, node)| (*start, node.depth, &*node.secret))
    }

    /// The node `label` hangs under.
    fn above(&self, label: u64) -> Option<(u64, &Node)> {
        let (start, node) = self.nodes.range(..=label).next_back()?;
        (label <= node.end(*start)).then_some((*start, node))
    }

    /// Whether the key of `label` can still be derived.
    pub(super) fn has(&self, label: u64) -> bool {
        self.above(label).is_some()
    }

    /// The key of `label`; `None` once it was destroyed.
    pub(super) fn derive(&mut self, label: u64) -> Option<Secret> {
        let on_it = |(start, node): &(u64, Node)| *start <= label && label <= node.end(*start);
        while self.way.last().is_some_and(|last| !on_it(last)) {
            self.way.pop();
        }
        let (mut at, mut node) = match self.way.last() {
            Some(last) => last.clone(),
            None => self.above(label).map(|(start, node)| (start, node.clone()))?,
        };
        while node.depth < DEPTH {
            (at, node) = node.down(at, label);
            if node.depth < DEPTH {
                self.way.push((at, node.clone()));
            }
        }
        Some(node.secret)
    }

    /// Destroys the key of `label`. True if it was there.
    pub(super) fn puncture(&mut self, label: u64) -> bool {
        let Some((mut at, mut node)) = self.take(label) else {
            return false;
        };
        while node.depth < DEPTH {
            let (down, (beside_at, beside)) = node.split(at, label);
            (at, node) = down;
            self.nodes.insert(beside_at, beside);
        }
        true
    }

    /// Destroys the keys of all numbers before `label`. True if there was any.
    pub(super) fn puncture_before(&mut self, label: u64) -> bool {
        let whole: Vec<u64> = self
            .nodes
            .range(..label)
            .filter(|(start, node)| node.end(**start) < label)
            .map(|(start, _)| *start)
            .collect();
        let mut any = !whole.is_empty();
        for start in whole {
            self.nodes.remove(&start);
        }
        self.way.clear();
        if self.above(label).is_none_or(|(start, _)| start == label) {
            return any;
        }
        let Some((mut at, mut node)) = self.take(label) else {
            return any;
        };
        while at < label {
            let (down, (beside_at, beside)) = node.split(at, label);
            (at, node) = down;
            if beside_at > label {
                self.nodes.insert(beside_at, beside);
            } else {
                any = true;
            }
        }
        self.nodes.insert(at, node);
        any
    }

    fn take(&mut self, label: u64) -> Option<(u64, Node)> {
        let start = self.above(label)?.0;
        self.way.clear();
        self.nodes.remove_entry(&start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn tree() -> Tree {
        Tree::new(Zeroizing::new([7; 32]))
    }

    #[test]
    fn a_destroyed_key_is_gone_and_no_other_is() {
        let (mut whole, mut cut) = (tree(), tree());
        let gone = [0, 1, 17, 18, 4_096, u64::MAX];
        for (count, label) in (1..).zip(gone) {
            assert!(cut.puncture(label) && !cut.has(label), "{label}");
            assert!(!cut.puncture(label), "once");
            assert!(cut.nodes().count() <= 64 * count);
        }
        for label in [2, 16, 19, 4_095, 4_097, 1 << 40, u64::MAX - 1].into_iter().chain(gone) {
            let expected = (!gone.contains(&label)).then(|| whole.derive(label)).flatten();
            assert_eq!(cut.derive(label), expected, "{label}");
            assert_eq!(cut.derive(label), expected, "{label}, by the way that is kept");
        }
    }

    #[test]
    fn no_node_left_gives_a_destroyed_key() {
        let mut cut = tree();
        let secret = cut.derive(17).unwrap();
        cut.puncture(17);
        for (start, depth, node) in cut.nodes() {
            assert_ne!(*node, *secret);
            let node = Node { depth, secret: Zeroizing::new(*node) };
            assert!(node.end(start) < 17 || start > 17, "{start} {depth}");
        }
        assert!(cut.way.is_empty(), "and none of the nodes above it is kept");
    }

    #[test]
    fn every_key_before_a_number_goes_at_once() {
        for label in [1, 2, 17, 64, 1_000_001] {
            let (mut whole, mut cut) = (tree(), tree());
            cut.puncture(label + 3);
            assert!(cut.puncture_before(label));
            assert!(!cut.puncture_before(label), "nothing is left to go");
            for gone in [0, label / 2, label - 1, label + 3] {
                assert!(!cut.has(gone), "{gone} before {label}");
            }
            for kept in [label, label + 1, label + 4, label * 2 + 4, u64::MAX] {
                assert_eq!(cut.derive(kept), whole.derive(kept), "{kept} from {label}");
            }
            assert!(cut.nodes().count() <= 128);
        }
        assert!(!tree().puncture_before(0));
    }

    #[test]
    fn a_tree_read_back_is_the_same_and_one_that_overlaps_is_none() {
        let mut cut = tree();
        cut.puncture(5);
        let kept = |tree: &Tree| {
            let nodes =
                tree.nodes().map(|(start, depth, secret)| (start, depth, Zeroizing::new(*secret)));
            nodes.collect::<Vec<_>>()
        };
        let mut read = Tree::of(kept(&cut)).unwrap();
        assert_eq!((read.derive(4), read.derive(5)), (cut.derive(4), None));
        let mut twice = kept(&cut);
        twice.extend(kept(&tree()));
        assert!(Tree::of(twice).is_none());
        assert!(
            Tree::of([(3, 60, Zeroizing::new([0; 32]))]).is_none(),
            "3 begins no node of sixteen"
        );
        assert!(Tree::of([(0, 65, Zeroizing::new([0; 32]))]).is_none());
    }

    #[test]
    fn keys_differ() {
        let mut tree = tree();
        let keys: BTreeSet<[u8; 32]> =
            (0..5_000).map(|label| *tree.derive(label).unwrap()).collect();
        assert_eq!(keys.len(), 5_000);
    }
}
