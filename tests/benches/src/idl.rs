//! The types generated from `idl/order.frugal` and `idl/echo.frugal`.
// An order has nine required fields, and so has its constructor.
#![allow(missing_docs, clippy::too_many_arguments)]

thriftwood::include_idl!();

/// The order once more, with text that shares its message's memory.
pub mod shared {
    include!(concat!(env!("OUT_DIR"), "/shared/thriftwood/mod.rs"));
}
