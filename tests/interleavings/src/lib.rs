//! The store of the log as it is in `transports/log/src/store`, file by file, compiled with locks and threads of Shuttle's in place of the
//! system's. So a test chooses, at each step, which thread goes on, and tries as many orders as there is time for; one that fails is
//! printed, and can be tried again.

#[allow(dead_code, unused_imports, reason = "some of it is for the transport, which is not here")]
#[path = "../../../transports/log/src/store/mod.rs"]
pub mod store;
mod sync;
