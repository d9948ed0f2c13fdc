//! The service behind the captured replies, as far as they tell what it did, and the values that were sent.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use thriftwood::{Context, RpcError};

use crate::idl::base::{Base, BaseError};
use crate::idl::wire::{Choice, Color, Everything, FailsError, Oops, Point, Wire};

/// Answers as the captured server did, and keeps what was fired.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// What came by the oneway method.
    pub fired: Arc<Mutex<Vec<String>>>,
}

impl Base for Peer {
    async fn ping(&self, _: &Context, tag: String) -> Result<String, RpcError> {
        Ok(format!("pong:{tag}"))
    }
}

impl Wire for Peer {
    async fn echo(&self, ctx: &Context, msg: String) -> Result<String, RpcError> {
        for (from, to) in [("naïve", "naïve-back"), ("who", "served-for")] {
            if let Some(value) = ctx.header(from) {
                ctx.set_response_header(to, value);
            }
        }
        if msg == "what was fired?" {
            let fired = self.fired.lock().map_err(|_| RpcError::internal("poisoned"))?;
            return Ok(fired.last().cloned().unwrap_or_default());
        }
        Ok(msg)
    }

    async fn roundtrip(&self, _: &Context, e: Everything) -> Result<Everything, RpcError> {
        Ok(e)
    }

    async fn fails(&self, _: &Context, how: i32) -> Result<i64, FailsError> {
        match how {
            1 => Err(Oops { code: 42, reason: "declared".to_owned() }.into()),
            2 => Err(BaseError { code: 7, reason: "from base".to_owned() }.into()),
            3 => Err(RpcError::internal("handler blew up").into()),
            4 => Err(RpcError::application(400, "application says no").into()),
            other => Ok(other.into()),
        }
    }

    async fn fire(&self, _: &Context, msg: String) -> Result<(), RpcError> {
        self.fired.lock().map_err(|_| RpcError::internal("poisoned"))?.push(msg);
        Ok(())
    }

    async fn blob(&self, _: &Context, size: i32) -> Result<Bytes, RpcError> {
        Ok(vec![0xab; size.unsigned_abs() as usize].into())
    }

    async fn nothing(&self, _: &Context) -> Result<(), RpcError> {
        Ok(())
    }

    async fn flag(&self, _: &Context, on: bool) -> Result<bool, RpcError> {
        Ok(!on)
    }

    async fn ghost(&self, _: &Context, msg: String) -> Result<String, RpcError> {
        Ok(msg)
    }
}

/// The struct with every type, as it was sent.
pub fn everything() -> Everything {
    Everything {
        b: true,
        i8f: -8,
        i16f: -300,
        i32f: 70_000,
        i64f: -5_000_000_000,
        d: 3.25,
        s: "héllo \"w\\rld\"\n\u{2028} \u{1f980}".to_owned(),
        bin: Bytes::from_static(&[0, 1, 2, 0xfe, 0xff]),
        color: Color::BLUE,
        li: vec![1, -1, 1 << 30],
        ss: ["only".to_owned()].into(),
        m: [("k".to_owned(), 9)].into(),
        p: Point { x: 3, y: 4, label: Some("lbl".to_owned()) },
        c: Some(Choice::Text("chosen".to_owned())),
        lp: vec![Point::default().with_x(1), Point::default().with_x(2)],
        ml: [(5, vec![true, false])].into(),
        ob: Some(false),
        lb: vec![true, false, true],
        big: 1,
    }
}

/// The struct with its defaults, and a union that has to be something.
pub fn defaults() -> Everything {
    Everything::default().with_c(Choice::Num(0))
}
