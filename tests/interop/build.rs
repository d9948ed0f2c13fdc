//! Generates the types of the captured service.

fn main() {
    thriftwood_build::compile(["data/idl/wire.frugal"]).unwrap_or_exit();
}
