//! What must hold of any bytes whatever: that IDL, values, frames, headers and logs made of them are read or refused, without a panic, and that
//! what was read means the same once it is written again.
//!
//! Each target is a function of bytes. `tests/fuzz/libfuzzer` gives them to a fuzzer that is guided by coverage; the tests of this crate
//! give them seeds that [`Mutator`] has changed, always the same ones.

mod frames;
mod idl;
mod logs;
mod mutate;
mod values;

pub use frames::{frame, headers};
pub use idl::{compile, format};
pub use logs::{batch, segment};
pub use mutate::Mutator;
pub use values::{binary, compact, json};

/// A target, its name and what to begin with.
pub type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

/// Every target.
pub const TARGETS: &[Target] = &[
    ("compile", compile, idl::seeds),
    ("format", format, idl::seeds),
    ("binary", binary, values::binary_seeds),
    ("compact", compact, values::compact_seeds),
    ("json", json, values::json_seeds),
    ("frame", frame, frames::frame_seeds),
    ("headers", headers, frames::header_seeds),
    ("segment", segment, logs::segment_seeds),
    ("batch", batch, logs::batch_seeds),
];
