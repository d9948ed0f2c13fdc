//! Compiles the IDL of the hops.

fn main() {
    thriftwood_build::compile(["idl/hops.frugal"]).unwrap_or_exit();
}
