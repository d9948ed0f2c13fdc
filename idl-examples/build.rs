//! Turns the examples' IDL into Rust.

fn main() {
    thriftwood_build::compile(["idl/music.frugal"]).unwrap_or_exit();
}
