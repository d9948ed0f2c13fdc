//! The `thriftwood` command.
fn main() {}
