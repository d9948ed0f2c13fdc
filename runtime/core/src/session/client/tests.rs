//! What a client's session does with calls, replies and the lack of either.

use super::*;
use crate::codec::{Message, MessageType};
use crate::frame::{FrameBuilder, OPERATION_ID};
use crate::session::deadlines::tests::some_time;

fn frame(id: u64) -> Bytes {
    let mut frame = FrameBuilder::new();
    frame.header(OPERATION_ID, &id.to_string());
    frame.message(Message::new("m", MessageType::Reply), |_| {}).unwrap()
}

fn large() -> Bytes {
    Bytes::from(vec![0; MAX_UNSENT])
}

#[test]
fn replies_find_their_calls_in_any_order() {
    let mut session = ClientSession::new(some_time());
    for id in 1..=3 {
        session.handle_call(id, &frame(id), false, None, id).unwrap();
    }
    for id in [3, 1, 2] {
        assert_eq!(session.poll_call(id, &id), None);
        session.handle_frame(frame(id)).unwrap();
        assert_eq!(session.poll_ended(), Some(id));
        assert_eq!(session.poll_call(id, &id), Some(CallEnd::Reply(frame(id))));
    }
    assert_eq!(session.in_flight(), 0);
}

#[test]
fn a_peer_is_told_what_was_given_up_once_it_has_said_that_it_can_do_with_that() {
    let announced = |id: &str| {
        let mut frame = FrameBuilder::new();
        frame.header(OPERATION_ID, id);
        frame.header(CANCEL, "1");
        frame.bare()
    };
    let (mut session, mut out) = (ClientSession::new(some_time()), BytesMut::new());
    for id in 1..=3 {
        session.handle_call(id, &frame(id), false, None, ()).unwrap();
    }
    session.poll_transmit(&mut out);
    session.handle_cancel(1);
    out.clear();
    session.poll_transmit(&mut out);
    assert!(out.is_empty(), "a peer that knows nothing of it was told");
    let mut knows = FrameBuilder::new();
    knows.header(CANCEL, "0");
    session.handle_frame(knows.bare()).unwrap();
    session.handle_frame(frame(3)).unwrap();
    session.handle_cancel(2);
    session.handle_cancel(3);
    session.poll_transmit(&mut out);
    assert_eq!(out, [announced("1"), announced("2")].concat(), "and not of what was answered");
}

#[test]
fn a_call_too_many_is_refused_and_takes_nothing() {
    let mut session = ClientSession::new(some_time()).with_max_in_flight(2);
    session.handle_call(1, &frame(1), false, None, ()).unwrap();
    session.handle_call(2, &frame(2), false, None, ()).unwrap();
    assert_eq!(session.handle_call(3, &frame(3), false, None, ()), Err(Refused::Overloaded(2)));
    session.handle_cancel(1);
    session.handle_call(3, &frame(3), false, None, ()).unwrap();
    assert_eq!(session.in_flight(), 2);
}

#[test]
fn a_reply_nobody_waits_for_is_counted_and_dropped() {
    let mut session = ClientSession::new(some_time());
    session.handle_call(1, &frame(1), false, None, ()).unwrap();
    session.handle_cancel(1);
    session.handle_frame(frame(1)).unwrap();
    assert_eq!((session.poll_ended(), session.late_replies()), (None, 1));
    // Nor does a second reply take the place of the first.
    session.handle_call(2, &frame(2), false, None, ()).unwrap();
    session.handle_frame(frame(2)).unwrap();
    session.handle_frame(frame(2)).unwrap();
    assert_eq!(session.late_replies(), 2);
}

#[test]
fn bytes_that_are_no_frame_end_every_call_and_tell_the_unsent_from_the_lost() {
    let mut session = ClientSession::new(some_time());
    session.handle_call(1, &large(), false, None, 1).unwrap();
    session.handle_call(2, &frame(2), false, None, 2).unwrap();
    session.handle_frame(Bytes::from_static(b"no frame")).unwrap_err();
    assert_eq!(session.poll_call(1, &1), Some(CallEnd::Disconnected));
    assert_eq!(session.poll_call(2, &2), Some(CallEnd::Unsent(frame(2))));
    assert_eq!(session.handle_call(3, &frame(3), false, None, 3), Err(Refused::Ended));
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    assert!(out.is_empty());
}

#[test]
fn what_has_no_room_waits_and_what_was_given_up_meanwhile_is_not_sent() {
    let mut session = ClientSession::new(some_time());
    session.handle_call(0, &large(), false, None, 0).unwrap();
    for id in 1..=10_000 {
        session.handle_call(id, &frame(id), id % 2 == 0, None, id).unwrap();
    }
    assert_eq!(session.poll_ended(), None, "a oneway call that waits is not done");
    for id in 3..=10_000 {
        session.handle_cancel(id);
    }
    assert!(session.queue.len() < 100, "{} numbers of calls that were given up", session.queue.len());
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    assert_eq!(out.len(), MAX_UNSENT);
    assert_eq!(session.poll_ended(), Some(2));
    out.clear();
    session.poll_transmit(&mut out);
    assert_eq!(out, [frame(1), frame(2)].concat());
}

#[test]
fn a_peer_that_goes_away_gets_what_was_written_a_word_that_no_more_comes_and_no_further_call() {
    let bare = |name, value| {
        let mut frame = FrameBuilder::new();
        frame.header(name, value);
        frame.bare()
    };
    let mut session = ClientSession::new(some_time());
    session.handle_call(1, &large(), false, None, 1).unwrap();
    session.handle_call(2, &frame(2), false, None, 2).unwrap();
    session.handle_call(3, &frame(3), true, None, 3).unwrap();
    for _ in 0..2 {
        session.handle_frame(bare(GOAWAY, "1")).unwrap();
    }
    // The two that waited for room go elsewhere; the one before them is still answered here.
    let mut woken: Vec<u64> = std::iter::from_fn(|| session.poll_ended()).collect();
    woken.sort_unstable();
    assert_eq!(woken, [2, 3]);
    for id in woken {
        assert_eq!(session.poll_call(id, &id), Some(CallEnd::Unsent(frame(id))));
    }
    assert_eq!(session.handle_call(4, &frame(4), false, None, 4), Err(Refused::Ended));
    assert!(!session.takes_calls() && !session.has_ended());
    let mut out = BytesMut::new();
    session.poll_transmit(&mut out);
    assert_eq!(out, [large(), bare(GOAWAY, "1")].concat());
    session.handle_frame(frame(1)).unwrap();
    assert_eq!(session.poll_call(1, &1), Some(CallEnd::Reply(frame(1))));
    assert_eq!(session.late_replies(), 0);
}

#[test]
fn a_call_ends_at_its_deadline_wherever_it_is_by_then_and_the_peer_is_told() {
    let began = some_time();
    let at = |millis| Some(began + std::time::Duration::from_millis(millis));
    let (mut session, mut out) = (ClientSession::new(began), BytesMut::new());
    session.peer_cancels = true;
    session.handle_call(1, &large(), false, at(30), 1).unwrap();
    session.handle_call(2, &frame(2), false, at(20), 2).unwrap();
    session.handle_call(3, &frame(3), false, at(10), 3).unwrap();
    session.handle_call(4, &frame(4), false, at(20), 4).unwrap();
    session.handle_cancel(4);
    // 3 still waits for room then, 2 is on its way by its time, 1 has its reply.
    assert_eq!(session.poll_timeout(), at(10));
    session.handle_timeout(began + std::time::Duration::from_millis(10));
    session.poll_transmit(&mut out);
    session.handle_frame(frame(1)).unwrap();
    session.handle_timeout(began + std::time::Duration::from_millis(40));
    assert_eq!([session.poll_ended(), session.poll_ended(), session.poll_ended()], [Some(3), Some(1), Some(2)]);
    for id in [2, 3] {
        assert_eq!(session.poll_call(id, &id), Some(CallEnd::TimedOut));
    }
    assert_eq!(session.poll_call(1, &1), Some(CallEnd::Reply(frame(1))));
    assert_eq!((session.poll_timeout(), session.in_flight(), session.queued_bytes), (None, 0, 0));
    out.clear();
    session.poll_transmit(&mut out);
    let sent = Peek::at(&out[frame(2).len()..]).unwrap();
    assert_eq!((sent.operation_id().unwrap(), sent.header(CANCEL)), (Some(2), Some(&b"1"[..])));
}

#[test]
fn once_the_calls_that_waited_have_gone_out_a_oneway_call_is_done_at_once() {
    let (mut session, mut out) = (ClientSession::new(some_time()), BytesMut::new());
    session.handle_call(1, &large(), false, None, 1).unwrap();
    session.handle_call(2, &frame(2), true, None, 2).unwrap();
    assert_eq!(session.poll_call(2, &2), None, "it waits for room");
    session.poll_transmit(&mut out);
    assert_eq!((session.poll_ended(), session.poll_call(2, &2)), (Some(2), Some(CallEnd::Sent)));
    session.handle_call(3, &frame(3), true, None, 3).unwrap();
    assert_eq!(session.poll_call(3, &3), Some(CallEnd::Sent));
}

#[test]
fn a_call_that_ended_leaves_no_deadline_behind_however_it_ended() {
    let now = some_time();
    let due = Some(now + std::time::Duration::from_secs(60));
    let mut session = ClientSession::new(now);
    for id in 1..=3 {
        session.handle_call(id, &frame(id), false, due, id).unwrap();
        assert!(session.poll_timeout().is_some());
        match id {
            1 => session.handle_cancel(id),
            2 => session.handle_frame(frame(id)).unwrap(),
            _ => session.handle_end(),
        }
        assert_eq!(session.poll_timeout(), None, "call {id}");
    }
}

#[test]
fn of_the_calls_given_up_before_the_peer_knew_only_so_many_are_remembered() {
    let (mut session, mut out) = (ClientSession::new(some_time()), BytesMut::new());
    for id in 0..10 * MAX_UNANNOUNCED as u64 {
        session.handle_call(id, &frame(id), false, None, ()).unwrap();
        session.handle_cancel(id);
    }
    session.poll_transmit(&mut out);
    out.clear();
    let mut knows = FrameBuilder::new();
    knows.header(CANCEL, "0");
    session.handle_frame(knows.bare()).unwrap();
    session.poll_transmit(&mut out);
    let mut one = FrameBuilder::new();
    one.number(OPERATION_ID, 0);
    one.header(CANCEL, "1");
    assert!(out.len() < (MAX_UNANNOUNCED + 1) * (one.bare().len() + 2), "{} bytes", out.len());
}
