//! Generates the types that are measured.

fn main() {
    thriftwood_build::compile(["idl/order.frugal", "idl/echo.frugal"]).unwrap_or_exit();
}
