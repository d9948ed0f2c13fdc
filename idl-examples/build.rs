//! Turns the examples' IDL into Rust.

fn main() {
    thriftwood_build::Builder::new().mocks(true).compile(["idl/music.frugal"]).unwrap_or_exit();
}
