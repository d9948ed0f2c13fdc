//! A client's and a server's session joined back to back, over a network that exists in virtual time only: it cuts bytes
//! anywhere, and the server answers late, out of order, twice, or not at all.
//!
//! Every seed is one run; a failure prints its seed.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use thriftwood_core::codec::{Message, MessageType, Writer};
use thriftwood_core::frame::{Frame, FrameBuilder};
use thriftwood_core::session::{CallEnd, ClientSession, Deframer, Refused, ServerSession};

const SEEDS: u64 = 300;
const CALLS: u64 = 60;
const MAX_FRAME: usize = 4096;

/// SplitMix64: all that a test's dice need, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % sides
    }
}

fn frame(id: u64, kind: MessageType, body: &[u8]) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header("_opid", &id.to_string());
    frame.message(Message::new("m", kind), |w| w.write_binary(body)).unwrap()
}

/// What happens at some moment of virtual time.
enum Moment {
    Call(u64),
    GiveUp(u64),
    ToServer(Vec<u8>),
    ToClient(Vec<u8>),
    Answer(Option<Bytes>),
}

/// One run: who called, how each call ended, and what the server saw.
struct World {
    dice: Dice,
    client: ClientSession<u64>,
    client_in: Deframer,
    server: ServerSession,
    server_in: Deframer,
    /// By time, and within one moment in the order it was planned.
    agenda: BTreeMap<(u64, u64), Moment>,
    planned: u64,
    /// The latest moment at which bytes are still on their way, in each direction: a stream does not reorder.
    to_server_until: u64,
    to_client_until: u64,
    ended: HashMap<u64, CallEnd>,
    given_up: HashSet<u64>,
    handled: HashMap<u64, u32>,
    /// Replies beyond the one that a waiting caller was given.
    surplus: u64,
    /// Any; nothing here depends on it.
    epoch: Instant,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            client: ClientSession::new(Instant::now()),
            client_in: Deframer::new(MAX_FRAME),
            server: ServerSession::new(),
            server_in: Deframer::new(MAX_FRAME),
            agenda: BTreeMap::new(),
            planned: 0,
            to_server_until: 0,
            to_client_until: 0,
            ended: HashMap::new(),
            given_up: HashSet::new(),
            handled: HashMap::new(),
            surplus: 0,
            epoch: Instant::now(),
        }
    }

    fn plan(&mut self, at: u64, moment: Moment) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), moment);
    }

    /// Sends bytes in pieces of any size, each some time after the one before.
    fn send(&mut self, now: u64, bytes: &[u8], to: fn(Vec<u8>) -> Moment, until: fn(&mut Self) -> &mut u64) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + self.dice.roll(40)).min(rest.len() as u64) as usize);
            let at = now.max(*until(self)) + self.dice.roll(5);
            *until(self) = at;
            self.plan(at, to(piece.to_vec()));
            rest = after;
        }
    }

    fn run(&mut self) {
        for id in 1..=CALLS {
            let at = self.dice.roll(500);
            self.plan(at, Moment::Call(id));
        }
        while let Some(((now, _), moment)) = self.agenda.pop_first() {
            match moment {
                Moment::Call(id) => {
                    let body = vec![id as u8; self.dice.roll(60) as usize];
                    self.client.handle_call(id, &frame(id, MessageType::Call, &body), false, None, id).unwrap();
                    let patience = 50 + self.dice.roll(400);
                    self.plan(now + patience, Moment::GiveUp(id));
                }
                Moment::GiveUp(id) => {
                    if !self.ended.contains_key(&id) {
                        self.client.handle_cancel(id);
                        self.given_up.insert(id);
                    }
                }
                Moment::ToServer(bytes) => self.server_reads(&bytes),
                Moment::ToClient(bytes) => self.client_reads(&bytes),
                Moment::Answer(reply) => self.server.handle_reply(reply.as_ref()),
            }
            self.settle(now);
        }
    }

    fn server_reads(&mut self, bytes: &[u8]) {
        self.server_in.push(bytes);
        while let Some(frame) = self.server_in.next_frame().unwrap() {
            self.server.handle_frame(frame, self.epoch);
        }
    }

    fn client_reads(&mut self, bytes: &[u8]) {
        self.client_in.push(bytes);
        while let Some(frame) = self.client_in.next_frame().unwrap() {
            self.client.handle_frame(frame).unwrap();
        }
    }

    /// Takes what both sessions have, until they have no more.
    fn settle(&mut self, now: u64) {
        let mut bytes = BytesMut::new();
        self.client.poll_transmit(&mut bytes);
        self.send(now, &bytes, Moment::ToServer, |world| &mut world.to_server_until);
        while let Some((request, _)) = self.server.poll_request() {
            self.serve(now, request);
        }
        let mut bytes = BytesMut::new();
        self.server.poll_transmit(&mut bytes);
        self.send(now, &bytes, Moment::ToClient, |world| &mut world.to_client_until);
        while let Some(id) = self.client.poll_ended() {
            let event = self.client.poll_call(id, &id).expect("a call that ended says how");
            assert!(!self.given_up.contains(&id), "call {id} was given up and ended all the same");
            assert!(self.ended.insert(id, event).is_none(), "call {id} ended twice");
        }
    }

    /// A server that answers after a while, one time in ten not at all, and one time in ten twice.
    fn serve(&mut self, now: u64, request: Bytes) {
        let id = Frame::decode(request).unwrap().operation_id().unwrap();
        *self.handled.entry(id).or_default() += 1;
        let after = now + self.dice.roll(300);
        let reply = frame(id, MessageType::Reply, &[id as u8]);
        match self.dice.roll(10) {
            0 => self.plan(after, Moment::Answer(None)),
            1 => {
                self.plan(after, Moment::Answer(Some([&reply[..], &reply[..]].concat().into())));
                self.surplus += 1;
            }
            _ => self.plan(after, Moment::Answer(Some(reply))),
        }
    }
}

#[test]
fn every_call_gets_its_own_reply_once_or_is_given_up_whatever_the_network_does() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.run();
        for id in 1..=CALLS {
            assert_eq!(world.handled.get(&id), Some(&1), "seed {seed}: call {id} reached the server");
            match world.ended.get(&id) {
                Some(CallEnd::Reply(bytes)) => {
                    assert_eq!(*bytes, frame(id, MessageType::Reply, &[id as u8]), "seed {seed}: call {id}");
                }
                None => assert!(world.given_up.contains(&id), "seed {seed}: call {id} neither ended nor was given up"),
                Some(other) => panic!("seed {seed}: call {id} ended as {other:?}"),
            }
        }
        assert_eq!(world.client.in_flight(), 0, "seed {seed}: calls left in the table");
        assert_eq!(world.server.under_way(), 0, "seed {seed}: requests left at the server");
        assert!(
            world.surplus == 0 || world.client.late_replies() > 0,
            "seed {seed}: replies too many were not counted"
        );
    }
}

#[test]
fn a_connection_that_ends_anywhere_ends_each_call_once() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for id in 1..=CALLS {
            let at = world.dice.roll(100);
            world.plan(at, Moment::Call(id));
        }
        let end = world.dice.roll(400);
        let mut made = HashSet::new();
        while let Some(((now, _), moment)) = world.agenda.pop_first() {
            if now > end {
                break;
            }
            match moment {
                Moment::Call(id) => {
                    made.insert(id);
                    world.client.handle_call(id, &frame(id, MessageType::Call, &[]), false, None, id).unwrap();
                }
                Moment::GiveUp(_) => {}
                Moment::ToServer(bytes) => world.server_reads(&bytes),
                Moment::ToClient(bytes) => world.client_reads(&bytes),
                Moment::Answer(reply) => world.server.handle_reply(reply.as_ref()),
            }
            world.settle(now);
        }
        world.client.handle_end();
        world.settle(end);
        let late = world.client.handle_call(1000, &frame(1000, MessageType::Call, &[]), false, None, 1000);
        assert_eq!(late, Err(Refused::Ended), "seed {seed}");
        assert_eq!(world.ended.len(), made.len(), "seed {seed}: each call ends");
        assert_eq!(world.client.in_flight(), 0, "seed {seed}");
    }
}
