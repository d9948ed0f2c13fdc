// Fields without ids, which Thrift counts down from -1. Apache's Rust for them does not tell one negative id from another,
// and its Python in C leaves them out, so this is for the Python in Python.
namespace py keyless

struct Keyless {
    i32 number,
    bool flag,
    3: i64 large,
    string text,
} (lint.allow = "missing-field-id")
