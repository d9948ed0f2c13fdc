//! Generates the types that are counted: those of the benchmarks.

fn main() {
    thriftwood_build::compile(["../benches/idl/order.frugal", "../benches/idl/echo.frugal"]).unwrap_or_exit();
}
