//! Offsets and what is true of them, kept as runs of neighbours with the same value: a state that thousands of records
//! share takes the place of one.

use std::collections::BTreeMap;

/// Offsets from `first` to `last`, both included, with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<T> {
    pub first: i64,
    pub last: i64,
    pub value: T,
}

impl<T> Run<T> {
    /// Offsets in it.
    pub fn count(&self) -> i64 {
        self.last - self.first + 1
    }
}

/// See the module. Runs never overlap; offsets without a value may lie between them.
#[derive(Debug, Clone)]
pub struct Runs<T>(BTreeMap<i64, (i64, T)>);

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Clone + PartialEq> Runs<T> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Run<T>> + '_ {
        self.0.iter().map(|(first, (last, value))| Run {
            first: *first,
            last: *last,
            value: value.clone(),
        })
    }

    pub fn first(&self) -> Option<Run<T>> {
        self.iter().next()
    }

    /// The parts of runs that lie within `first..=last`.
    pub fn within(&self, first: i64, last: i64) -> impl Iterator<Item = Run<T>> + '_ {
        let from = self.0.range(..=first).next_back().map_or(first, |(start, _)| *start);
        // A range that ends before it begins would panic.
        let until = last.max(from);
        let overlapping = self.0.range(from..=until);
        overlapping.filter_map(move |(start, (end, value))| {
            let run = Run {
                first: (*start).max(first),
                last: (*end).min(last),
                value: value.clone(),
            };
            (run.first <= run.last).then_some(run)
        })
    }

    /// Gives all of `first..=last` this value.
    pub fn set(&mut self, first: i64, last: i64, value: T) {
        if first > last {
            return;
        }
        self.clear(first, last);
        let (mut start, mut end) = (first, last);
        if let Some((before, (before_end, before_value))) = self.0.range(..first).next_back()
            && *before_end == first.wrapping_sub(1)
            && *before_value == value
        {
            start = *before;
        }
        if let Some((after_end, after_value)) = last.checked_add(1).and_then(|next| self.0.get(&next))
            && *after_value == value
        {
            end = *after_end;
            self.0.remove(&(last + 1));
        }
        self.0.insert(start, (end, value));
    }

    /// Takes the value of all of `first..=last` away.
    pub fn clear(&mut self, first: i64, last: i64) {
        if first > last {
            return;
        }
        self.split_before(first);
        if let Some(next) = last.checked_add(1) {
            self.split_before(next);
        }
        let inside: Vec<i64> = self.0.range(first..=last).map(|(start, _)| *start).collect();
        for start in inside {
            self.0.remove(&start);
        }
    }

    /// Forgets all before `offset`.
    pub fn remove_below(&mut self, offset: i64) {
        self.split_before(offset);
        self.0 = self.0.split_off(&offset);
    }

    /// Makes a run that reaches over `offset` two, the second of which begins there.
    fn split_before(&mut self, offset: i64) {
        let Some((start, (end, value))) = self.0.range_mut(..offset).next_back() else {
            return;
        };
        if *end < offset {
            return;
        }
        let (start, old_end, value) = (*start, *end, value.clone());
        if let Some((end, _)) = self.0.get_mut(&start) {
            *end = offset - 1;
        }
        self.0.insert(offset, (old_end, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(runs: &Runs<char>) -> String {
        let one = |run: Run<char>| format!("{}{}-{}", run.value, run.first, run.last);
        runs.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn neighbours_with_one_value_are_one_run() {
        let mut runs = Runs::default();
        runs.set(0, 4, 'a');
        runs.set(10, 14, 'a');
        assert_eq!(shown(&runs), "a0-4 a10-14");
        runs.set(5, 9, 'a');
        assert_eq!(shown(&runs), "a0-14");
        runs.set(3, 3, 'b');
        assert_eq!(shown(&runs), "a0-2 b3-3 a4-14");
        runs.set(3, 3, 'a');
        assert_eq!(shown(&runs), "a0-14");
    }

    #[test]
    fn parts_are_cut_out() {
        let mut runs = Runs::default();
        runs.set(0, 9, 'a');
        runs.set(20, 29, 'b');
        let parts: Vec<_> = runs.within(5, 22).map(|run| (run.first, run.last, run.value)).collect();
        assert_eq!(parts, [(5, 9, 'a'), (20, 22, 'b')]);
        assert_eq!(runs.within(10, 19).count(), 0);
        assert_eq!(runs.within(5, 4).count(), 0);
        runs.clear(8, 24);
        assert_eq!(shown(&runs), "a0-7 b25-29");
        runs.remove_below(27);
        assert_eq!(shown(&runs), "b27-29");
        runs.set(i64::MAX - 1, i64::MAX, 'c');
        assert_eq!(runs.iter().next_back().map(|run| run.count()), Some(2));
    }

    /// Random changes against a plain map of offsets.
    #[test]
    fn it_is_what_a_map_of_offsets_would_be() {
        let mut runs = Runs::default();
        let mut plain = BTreeMap::new();
        let mut seed = 42u64;
        let mut next = |limit: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((seed >> 33) % limit) as i64
        };
        for _ in 0..2_000 {
            let first = next(50);
            let last = first + next(12);
            match next(4) {
                0 => {
                    runs.clear(first, last);
                    plain.retain(|offset, _| *offset < first || *offset > last);
                }
                value => {
                    let value = if value == 1 { 'x' } else { 'y' };
                    runs.set(first, last, value);
                    plain.extend((first..=last).map(|offset| (offset, value)));
                }
            }
            let flat: BTreeMap<i64, char> = runs
                .iter()
                .flat_map(|run| (run.first..=run.last).map(move |offset| (offset, run.value)))
                .collect();
            assert_eq!(flat, plain);
        }
    }
}
