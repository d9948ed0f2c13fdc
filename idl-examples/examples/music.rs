//! A shop that sells albums and announces winners, from one IDL file.
fn main() {}
