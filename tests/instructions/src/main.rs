//! Does one thing so often as it is told. `tests/counts.rs` counts the instructions that takes.

mod idl;
mod order;
mod service;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [operation, count] = &arguments[..] else { return usage() };
    let Ok(count) = count.parse() else { return usage() };
    match &**operation {
        "call" => service::calls(1, count),
        "call, 64 in flight" => service::calls(64, count),
        "handle" => service::handles(count),
        "answered call" => service::answered(false, count),
        "answered, a layer" => service::answered(true, count),
        "publish" => service::publishes(count),
        "binary encode" => order::encode_binary(count),
        "binary decode" => order::decode_binary(count),
        "binary decode, shared text" => order::decode_binary_shared(count),
        "compact encode" => order::encode_compact(count),
        "compact decode" => order::decode_compact(count),
        "compact decode, shared text" => order::decode_compact_shared(count),
        _ => return usage(),
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: thriftwood-instructions OPERATION COUNT; the operations are in tests/instructions/golden/counts.txt"
    );
    ExitCode::FAILURE
}
