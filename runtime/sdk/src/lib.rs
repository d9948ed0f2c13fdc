//! Typed RPC and pub/sub from one IDL file.

pub use thriftwood_core::*;

#[doc(hidden)]
pub use bytes;

/// Includes what `thriftwood_build::compile` generated in the build script.
///
/// With a namespace, the types of that namespace are put right here; without one, the whole tree of namespaces is, one
/// module each. A crate that uses more than one namespace wants the second form, so that each type exists once.
#[macro_export]
macro_rules! include_idl {
    () => {
        include!(concat!(env!("OUT_DIR"), "/thriftwood/mod.rs"));
    };
    ($namespace:literal) => {
        include!(concat!(env!("OUT_DIR"), "/thriftwood/", $namespace, ".rs"));
    };
}
