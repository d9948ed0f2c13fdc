//! The types generated from the benchmarks' IDL.
// An order has nine required fields, and so has its constructor.
#![allow(missing_docs, clippy::too_many_arguments, unreachable_pub, dead_code)]

thriftwood::include_idl!();

/// The order once more, with text that shares its message's memory.
pub mod shared {
    include!(concat!(env!("OUT_DIR"), "/shared/thriftwood/mod.rs"));
}
