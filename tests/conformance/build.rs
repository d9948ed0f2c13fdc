//! Generates the types of the probe service.

fn main() {
    thriftwood_build::compile(["idl/probe.frugal"]).unwrap_or_exit();
}
