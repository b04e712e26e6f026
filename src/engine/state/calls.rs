//! The calls known, by number, in pages that copies share until one of them changes.
//!
//! ```text
//!  pages   0 ─> [ calls 0 .. 63 ]     a copy shares every page; whoever then changes a call
//!          1 ─> [ calls 64 .. 127 ]   has that page, and that call, for itself first
//! ```
//! So a snapshot of a million calls is begun within a few milliseconds, and written while the room goes on.

use crate::domain::{Call, CallId};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Calls to a page: so many are counted up when one of them is the first to change after a copy.
const PAGE: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Page {
    calls: [Option<Arc<Call>>; PAGE],
    /// How many of them are there; a page of none is taken out.
    len: usize,
}

impl Page {
    const EMPTY: Self = Self { calls: [const { None }; PAGE], len: 0 };
}

/// Calls by number. A clone costs as many steps as there are pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Calls {
    pages: BTreeMap<u64, Arc<Page>>,
    len: usize,
}

/// The page of a call, and its place there.
#[expect(clippy::cast_possible_truncation, reason = "a rest of sixty-four")]
const fn place(id: CallId) -> (u64, usize) {
    (id.0 / PAGE as u64, (id.0 % PAGE as u64) as usize)
}

impl Calls {
    pub(super) fn get(&self, id: &CallId) -> Option<&Call> {
        let (page, at) = place(*id);
        self.pages.get(&page)?.calls[at].as_deref()
    }

    pub(super) fn get_mut(&mut self, id: &CallId) -> Option<&mut Call> {
        let (page, at) = place(*id);
        let page = self.pages.get_mut(&page)?;
        page.calls[at].as_ref()?;
        Arc::make_mut(page).calls[at].as_mut().map(Arc::make_mut)
    }

    pub(super) fn insert(&mut self, call: Arc<Call>) {
        let (page, at) = place(call.id);
        let page = self.pages.entry(page).or_insert_with(|| Arc::new(Page::EMPTY));
        let page = Arc::make_mut(page);
        if page.calls[at].replace(call).is_none() {
            page.len += 1;
            self.len += 1;
        }
    }

    pub(super) fn remove(&mut self, id: &CallId) -> Option<Arc<Call>> {
        let (number, at) = place(*id);
        let page = self.pages.get_mut(&number)?;
        page.calls[at].as_ref()?;
        let page = Arc::make_mut(page);
        let call = page.calls[at].take();
        page.len -= 1;
        self.len -= 1;
        if page.len == 0 {
            self.pages.remove(&number);
        }
        call
    }

    /// All of them, by number.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Call> + '_ {
        self.pages.values().flat_map(|page| page.calls.iter().flatten()).map(|call| &**call)
    }

    /// Those numbered after `after`, by number.
    pub(super) fn after(&self, after: CallId) -> impl Iterator<Item = &Call> + '_ {
        let (page, _) = place(after);
        let calls = self.pages.range(page..).flat_map(|(_, page)| page.calls.iter().flatten());
        calls.map(|call| &**call).skip_while(move |call| call.id <= after)
    }

    /// Changes those that are `meant`; the others stay shared.
    pub(super) fn change(&mut self, meant: impl Fn(&Call) -> bool, change: impl Fn(&mut Call)) {
        for page in self.pages.values_mut() {
            if page.calls.iter().flatten().any(|call| meant(call)) {
                let calls = Arc::make_mut(page).calls.iter_mut().flatten();
                calls.filter(|call| meant(call)).map(Arc::make_mut).for_each(&change);
            }
        }
    }
}

impl Serialize for Calls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len))?;
        self.iter().try_for_each(|call| map.serialize_entry(&call.id, call))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Calls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Calls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("calls by their number")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Calls, A::Error> {
                let mut calls = Calls::default();
                while let Some((id, call)) = entries.next_entry::<CallId, Call>()? {
                    if call.id != id {
                        return Err(serde::de::Error::custom("a call stands under another number"));
                    }
                    calls.insert(Arc::new(call));
                }
                Ok(calls)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Flags, NewCall, Priority, Sealed, Source, UtcMs};
    use proptest::prelude::*;

    fn call(id: u64) -> Call {
        let placed = NewCall {
            source: Source::PhoneLine,
            line: None,
            district: "Gulberg".into(),
            kind: "assault".into(),
            priority: Priority::new(2).unwrap(),
            flags: Flags::default(),
            sealed: Sealed::default(),
        };
        Call {
            id: CallId(id),
            generation: 1,
            book: 0,
            placed,
            received_at: UtcMs(id),
            history: Vec::new(),
            acknowledged_at: None,
            first_acknowledged_at: None,
            en_route_at: None,
            on_scene_at: None,
            closed: None,
            claim: None,
            close_proposed: None,
            callbacks: 0,
            withdrawals: 0,
            primary: None,
            units: Vec::new(),
            clocks: Vec::new(),
            notes: Vec::new(),
            aging_from: UtcMs(id),
            tellings: Vec::new(),
            erased_at: None,
            follow_up: None,
        }
    }

    #[derive(Debug, Clone)]
    enum Act {
        Insert(u64),
        Remove(u64),
        Touch(u64),
        TouchOdd,
        Copy,
    }

    fn id() -> impl Strategy<Value = u64> {
        prop_oneof![8 => 0..300u64, 1 => Just(u64::MAX)]
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            6 => id().prop_map(Act::Insert),
            4 => id().prop_map(Act::Remove),
            4 => id().prop_map(Act::Touch),
            1 => Just(Act::TouchOdd),
            1 => Just(Act::Copy),
        ]
    }

    type Model = BTreeMap<CallId, Call>;

    fn same(calls: &Calls, model: &Model) -> Result<(), TestCaseError> {
        prop_assert!(calls.iter().eq(model.values()));
        prop_assert!(calls.iter().rev().eq(model.values().rev()));
        for after in [0, 1, 63, 64, 200, u64::MAX] {
            let later = model.values().filter(|call| call.id.0 > after);
            prop_assert!(calls.after(CallId(after)).eq(later));
        }
        let bytes = rmp_serde::to_vec(calls).unwrap();
        prop_assert_eq!(&bytes, &rmp_serde::to_vec(model).unwrap());
        prop_assert_eq!(calls, &rmp_serde::from_slice::<Calls>(&bytes).unwrap());
        Ok(())
    }

    proptest! {
        /// Beside a sorted map; and no copy changes when the other does.
        #[test]
        fn calls_are_a_map_whose_copies_are_apart(acts in prop::collection::vec(act(), 1..200)) {
            let (mut calls, mut model) = (Calls::default(), Model::new());
            let mut copies = Vec::new();
            for act in acts {
                match act {
                    Act::Insert(id) => {
                        calls.insert(Arc::new(call(id)));
                        model.insert(CallId(id), call(id));
                    }
                    Act::Remove(id) => {
                        let (left, right) = (calls.remove(&CallId(id)), model.remove(&CallId(id)));
                        prop_assert_eq!(left.as_deref(), right.as_ref());
                    }
                    Act::Touch(id) => {
                        let touched = calls.get_mut(&CallId(id)).map(|call| call.callbacks += 1);
                        let known = model.get_mut(&CallId(id)).map(|call| call.callbacks += 1);
                        prop_assert_eq!(touched, known);
                    }
                    Act::TouchOdd => {
                        calls.change(|call| call.id.0 % 2 == 1, |call| call.callbacks += 1);
                        let odd = model.values_mut().filter(|call| call.id.0 % 2 == 1);
                        odd.for_each(|call| call.callbacks += 1);
                    }
                    Act::Copy => copies.push((calls.clone(), model.clone())),
                }
                prop_assert_eq!(calls.get(&CallId(7)), model.get(&CallId(7)));
            }
            copies.push((calls, model));
            copies.iter().try_for_each(|(calls, model)| same(calls, model))?;
        }
    }

    #[test]
    fn a_copy_shares_all_but_the_page_that_changed_and_of_that_all_but_the_call() {
        let mut calls = Calls::default();
        (0..1_000).for_each(|id| calls.insert(Arc::new(call(id))));
        let copy = calls.clone();
        let shared = |calls: &Calls| {
            let pairs = calls.pages.values().zip(copy.pages.values());
            let pages = pairs.clone().filter(|(left, right)| Arc::ptr_eq(left, right)).count();
            let of_calls = pairs.flat_map(|(left, right)| left.calls.iter().zip(&right.calls));
            let calls = of_calls.filter(
                |pair| matches!(pair, (Some(left), Some(right)) if Arc::ptr_eq(left, right)),
            );
            (pages, calls.count())
        };
        assert_eq!(shared(&calls), (16, 1_000));
        assert!(calls.get(&CallId(70)).is_some() && calls.get_mut(&CallId(1_001)).is_none());
        assert!(calls.remove(&CallId(1_001)).is_none());
        calls.change(|_| false, |_| unreachable!("none is meant"));
        assert_eq!(shared(&calls), (16, 1_000), "what is not there changes nothing");
        calls.get_mut(&CallId(70)).unwrap().callbacks = 9;
        assert_eq!(shared(&calls), (15, 999));
        calls.change(|call| call.id == CallId(700), |call| call.callbacks = 9);
        assert_eq!(shared(&calls), (14, 998));
    }

    #[test]
    fn a_call_under_another_number_is_not_read() {
        let bytes = rmp_serde::to_vec(&Model::from([(CallId(3), call(4))])).unwrap();
        assert!(rmp_serde::from_slice::<Calls>(&bytes).is_err());
    }
}
