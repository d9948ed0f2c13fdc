//! Generates the types that are measured.

use std::path::PathBuf;

use thriftwood_build::{Builder, RustType};

fn main() {
    thriftwood_build::compile(["idl/order.frugal", "idl/echo.frugal"]).unwrap_or_exit();
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("shared");
    Builder::new().rust_type(RustType::ByteString).out_dir(out).compile(["idl/order.frugal"]).unwrap_or_exit();
}
