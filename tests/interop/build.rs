//! Generates the types of the captured service, and those that Apache's compiler has generated too.

fn main() {
    thriftwood_build::Builder::new()
        .apache(true)
        .compile([
            "data/idl/wire.frugal",
            "data/idl/calc.thrift",
            "data/idl/frugal_test.frugal",
            "data/apache/oracle.thrift",
            "data/apache/keyless.thrift",
        ])
        .unwrap_or_exit();
}
