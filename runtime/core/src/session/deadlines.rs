//! When calls are due: one structure for all of a connection, in which a call is put, taken away and found in constant time,
//! however many there are.
//!
//! A hierarchical timing wheel (Varghese and Lauck, 1987) of six levels of 64 slots: a slot of the first is a millisecond wide, one
//! of the next 64 of them. A call hangs in the slot of its deadline on the lowest level that reaches so far, and moves down a
//! level when the time of its slot has come: five times in two years, most calls never. A heap would cost each call the
//! logarithm of their number; a timer of the runtime's for each call, the lock around all timers twice.

use std::time::{Duration, Instant};

/// A level has so many slots, and a slot of the next is as wide as all of them.
const SLOTS: u64 = 64;
const BITS: u32 = SLOTS.trailing_zeros();
const LEVELS: usize = 6;
/// How far ahead a slot can be, half of what the levels reach: 1.1 years. What is due later is looked at then, and hung up again.
const FARTHEST: u64 = 1 << (BITS * LEVELS as u32 - 1);

/// The last millisecond there is.
const LATEST: u64 = (1 << 48) - 1;

const NONE: u32 = u32::MAX;

/// The deadlines of calls, each known by a key that is given back when it has passed.
#[derive(Debug)]
pub(super) struct Deadlines {
    /// The time that is millisecond 0. None is due before it.
    epoch: Instant,
    /// The millisecond up to which everything that was due was given out.
    now: u64,
    nodes: Vec<Node>,
    /// The first of the nodes that are free, each of which names the next.
    free: u32,
    /// The first node of each slot.
    slots: [u32; LEVELS * SLOTS as usize],
    /// For each level, which of its slots have any.
    occupied: [u64; LEVELS],
}

#[derive(Debug)]
struct Node {
    key: u64,
    /// The millisecond, in 48 bits, which are 8,900 years; and above it the slot.
    due_and_slot: u64,
    previous: u32,
    next: u32,
}

impl Node {
    fn due(&self) -> u64 {
        self.due_and_slot & LATEST
    }

    fn slot(&self) -> usize {
        (self.due_and_slot >> LATEST.count_ones()) as usize
    }

    fn set_slot(&mut self, slot: usize) {
        self.due_and_slot = self.due() | (slot as u64) << LATEST.count_ones();
    }
}

/// Where a deadline is, for as long as it has neither passed nor been taken away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(u32);

impl Deadlines {
    /// None yet, and it is `now`.
    pub(super) fn new(now: Instant) -> Self {
        let (nodes, slots) = (Vec::new(), [NONE; LEVELS * SLOTS as usize]);
        Self { epoch: now, now: 0, nodes, free: NONE, slots, occupied: [0; LEVELS] }
    }

    /// Adds one.
    pub(super) fn insert(&mut self, key: u64, deadline: Instant) -> Place {
        // Rounded up, so that none passes early.
        let due = self.millisecond(deadline, Duration::from_nanos(999_999)).min(LATEST);
        let node = Node { key, due_and_slot: due, previous: NONE, next: NONE };
        let place = if self.free == NONE {
            self.nodes.push(node);
            // There are fewer than 2^32 calls: each takes hundreds of bytes elsewhere.
            (self.nodes.len() - 1) as u32
        } else {
            let place = self.free;
            self.free = self.node(place).next;
            self.nodes[place as usize] = node;
            place
        };
        self.link(place);
        Place(place)
    }

    /// Takes one away.
    pub(super) fn remove(&mut self, Place(place): Place) {
        self.unlink(place);
        self.release(place);
    }

    /// When to look next. Nothing is due before, and it may be that nothing is due then.
    pub(super) fn next(&self) -> Option<Instant> {
        let (at, _) = self.next_slot()?;
        self.epoch.checked_add(Duration::from_millis(at))
    }

    /// Gives the keys of those that are due to `expired`, and forgets them.
    pub(super) fn advance(&mut self, now: Instant, mut expired: impl FnMut(u64)) {
        let now = self.millisecond(now, Duration::ZERO);
        while let Some((at, slot)) = self.next_slot().filter(|(at, _)| *at <= now) {
            self.now = at;
            let mut place = std::mem::replace(&mut self.slots[slot], NONE);
            self.occupied[slot / SLOTS as usize] &= !(1 << (slot as u64 % SLOTS));
            while place != NONE {
                let node = self.node(place);
                let (key, next) = (node.key, node.next);
                if node.due() <= at {
                    self.release(place);
                    expired(key);
                } else {
                    self.link(place);
                }
                place = next;
            }
        }
        self.now = self.now.max(now);
    }

    /// The millisecond in which a time is, with what is added for rounding.
    fn millisecond(&self, time: Instant, rounding: Duration) -> u64 {
        let since = time.saturating_duration_since(self.epoch).saturating_add(rounding);
        since.as_secs().saturating_mul(1000).saturating_add(u64::from(since.subsec_millis()))
    }

    /// The slot whose time comes first, and when that is.
    fn next_slot(&self) -> Option<(u64, usize)> {
        // Those of a level all come before those of the next.
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let shift = BITS * level as u32;
        let here = (self.now >> shift) % SLOTS;
        let slot = (here + u64::from(self.occupied[level].rotate_right(here as u32).trailing_zeros())) % SLOTS;
        let turn = SLOTS << shift;
        let mut at = (self.now & !(turn - 1)) + (slot << shift);
        if at <= self.now {
            at = at.saturating_add(turn);
        }
        Some((at, level * SLOTS as usize + slot as usize))
    }

    /// Hangs a node into its slot.
    fn link(&mut self, place: u32) {
        let now = self.now;
        let at = self.node(place).due().clamp(now + 1, now + FARTHEST);
        // The level of the highest digit in which the two differ.
        let level = (((63 - (at ^ now).leading_zeros()) / BITS) as usize).min(LEVELS - 1);
        let slot = level * SLOTS as usize + ((at >> (BITS * level as u32)) % SLOTS) as usize;
        let next = std::mem::replace(&mut self.slots[slot], place);
        if next != NONE {
            self.node_mut(next).previous = place;
        }
        let node = self.node_mut(place);
        (node.previous, node.next) = (NONE, next);
        node.set_slot(slot);
        self.occupied[level] |= 1 << (slot as u64 % SLOTS);
    }

    fn unlink(&mut self, place: u32) {
        let &Node { previous, next, .. } = self.node(place);
        let slot = self.node(place).slot();
        if next != NONE {
            self.node_mut(next).previous = previous;
        }
        if previous != NONE {
            self.node_mut(previous).next = next;
            return;
        }
        self.slots[slot] = next;
        if next == NONE {
            self.occupied[slot / SLOTS as usize] &= !(1 << (slot as u64 % SLOTS));
        }
    }

    fn release(&mut self, place: u32) {
        let free = std::mem::replace(&mut self.free, place);
        self.node_mut(place).next = free;
    }

    fn node(&self, place: u32) -> &Node {
        &self.nodes[place as usize]
    }

    fn node_mut(&mut self, place: u32) -> &mut Node {
        &mut self.nodes[place as usize]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Any time will do.
    pub(in crate::session) fn some_time() -> Instant {
        Instant::now()
    }

    fn passed(deadlines: &mut Deadlines, now: Instant) -> Vec<u64> {
        let mut keys = Vec::new();
        deadlines.advance(now, |key| keys.push(key));
        keys.sort_unstable();
        keys
    }

    #[test]
    fn each_passes_in_its_own_millisecond_and_never_early_whatever_the_others() {
        let began = some_time();
        // Steps through milliseconds, slots and levels: each deadline alone on the clock when its time comes.
        let millis =
            [1, 2, 63, 64, 65, 127, 128, 4095, 4096, 4097, 262_143, 262_144, 300_000, 86_400_000, 40_000_000_000];
        let mut deadlines = Deadlines::new(began);
        for at in millis {
            deadlines.insert(at, began + Duration::from_millis(at));
        }
        for at in millis {
            // As a driver does: it sleeps until it is told to look, as often as it takes.
            let mut looks = 0;
            loop {
                let next = deadlines.next().expect("one is left");
                let early = passed(&mut deadlines, next - Duration::from_millis(1));
                assert!(early.is_empty(), "{early:?} passed before the time to look");
                let now = passed(&mut deadlines, next);
                looks += 1;
                assert!(looks < 50, "{at}: looked {looks} times");
                if !now.is_empty() {
                    assert_eq!((now, next), (vec![at], began + Duration::from_millis(at)));
                    break;
                }
            }
        }
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn the_places_of_those_that_passed_and_of_those_taken_away_are_used_again() {
        let began = some_time();
        let mut deadlines = Deadlines::new(began);
        for number in 0..100 {
            let due = began + Duration::from_millis(1 + number);
            let place = deadlines.insert(number, due);
            if number % 2 == 0 {
                deadlines.remove(place);
            } else {
                assert_eq!(passed(&mut deadlines, due), [number]);
            }
            assert_eq!(deadlines.nodes.len(), 1, "one at a time");
        }
    }

    #[test]
    fn a_thousand_that_come_and_go_in_any_order_agree_with_a_sorted_map() {
        // SplitMix64, so that every run is the same.
        let mut seed = 7_u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = seed;
            x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (x ^ (x >> 31)) % below
        };
        let began = some_time();
        let (mut deadlines, mut model) = (Deadlines::new(began), BTreeMap::new());
        let mut now = 0;
        for key in 0..20_000 {
            let reach = 1 << random(20);
            let due = now + random(reach);
            let place = deadlines.insert(key, began + Duration::from_millis(due));
            model.insert(key, (due, place));
            if random(3) == 0 {
                let nth = random(model.len() as u64) as usize;
                let (&key, &(_, place)) = model.iter().nth(nth).expect("it is there");
                deadlines.remove(place);
                model.remove(&key);
            }
            if random(8) == 0 {
                let step = 1 << random(16);
                now += random(step);
                let expected: Vec<u64> =
                    model.iter().filter(|(_, (due, _))| *due <= now).map(|(key, _)| *key).collect();
                let passed = passed(&mut deadlines, began + Duration::from_millis(now));
                // What was due already when it came passes a millisecond later.
                assert!(expected.iter().all(|key| passed.contains(key) || model[key].0 == now), "at {now}");
                assert!(passed.iter().all(|key| expected.contains(key)), "at {now}");
                model.retain(|key, _| !passed.contains(key));
            }
            let first = model.values().map(|(due, _)| *due).min();
            let next = deadlines.next().map(|next| (next - began).as_millis() as u64);
            assert!(
                next.is_none() == first.is_none() && next <= first.map(|due| due.max(now + 1)),
                "{next:?} {first:?}"
            );
        }
        assert!(deadlines.nodes.len() < 20_000, "places of deadlines that are gone are used again");
    }
}
