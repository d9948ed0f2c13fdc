//! Turns the IDL into Rust.

fn main() {
    thriftwood_build::compile(["idl/hello.frugal"]).unwrap_or_exit();
}
