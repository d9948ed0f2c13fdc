//! Serving a log to other processes: fetches over loopback, against `sendfile` of the same files.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Instant;

use thriftwood_log::store::Log;
use thriftwood_log::{Config, ServeConfig};
use tokio::runtime::Runtime;

use crate::log_bulk::{filled, segments};
use crate::report::{Better, Row};
use crate::rounds::Rounds;

/// Bytes of the log.
const SERVED: usize = 192 * 1024 * 1024;
/// Bytes asked for at once, and read at once.
const FETCH: u32 = 4 * 1024 * 1024;
const PIECE: usize = 256 * 1024;
/// The bytes of an answer in front of its batches.
const HEAD: usize = 9 + 40;
const STREAM: &str = "bulk";

pub fn run(rounds: &Rounds, runtime: &Runtime, folder: &Path) -> Vec<Row> {
    const NAME: &str = "serving a fetch";
    if !rounds.wants(NAME) {
        return Vec::new();
    }
    let root = folder.join("served");
    let dir = root.join("streams").join(STREAM);
    let log: Log = filled(runtime, &dir, 1024, SERVED);
    runtime.block_on(log.close()).expect("the log closes");
    let serving = runtime.block_on(async {
        let directory = Config::default().open(&root).await.expect("the directory opens");
        directory.serve("log://127.0.0.1:0", ServeConfig::default()).await.expect("it is served")
    });
    let at = serving.local_addr().expect("it listens").to_owned();
    let compared = rounds.compare(|| fetched(&at), || sent(&dir));
    runtime.block_on(serving.stop());
    vec![Row::compared(NAME, "MB/s", Better::Higher, "sendfile", compared).limits(0.9, 0.98)]
}

/// Fetches everything, the next part as soon as the answer says where it begins, and looks at none of it.
fn fetched(at: &str) -> f64 {
    let mut socket = TcpStream::connect(at).expect("the server is there");
    socket.set_nodelay(true).expect("the socket is ours");
    socket.write_all(b"TWOODLOG\x01\0\x01\0\0\0\0\0").expect("the server reads");
    socket.read_exact(&mut [0; 18]).expect("it lets everybody in");
    let (mut piece, mut head, mut bytes) = (vec![0; PIECE], [0; HEAD], 0);
    let start = Instant::now();
    ask(&mut socket, 0, 0, 0);
    loop {
        socket.read_exact(&mut head).expect("an answer");
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8 bytes"));
        let length = u32::from_le_bytes(head[..4].try_into().expect("4 bytes")) as usize + 4 - HEAD;
        let (next, segment, position, until) = (number(17), number(25), number(33), number(41));
        if until < next {
            ask(&mut socket, until, segment, position + length as u64);
        }
        let mut left = length;
        while left > 0 {
            let most = left.min(PIECE);
            left -= socket.read(&mut piece[..most]).expect("the batches");
        }
        bytes += length;
        if until >= next {
            return bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
        }
    }
}

fn ask(socket: &mut TcpStream, offset: u64, segment: u64, position: u64) {
    let mut body = (STREAM.len() as u32).to_le_bytes().to_vec();
    body.extend(STREAM.as_bytes());
    body.extend([offset, segment, position].map(u64::to_le_bytes).concat());
    body.extend([FETCH, 0].map(u32::to_le_bytes).concat());
    let mut message = (body.len() as u32 + 5).to_le_bytes().to_vec();
    message.extend([1, 0, 0, 0, 3]);
    message.extend(body);
    socket.write_all(&message).expect("the server reads");
}

/// The same files, from one thread to another.
fn sent(dir: &Path) -> f64 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("it listens");
    let files = segments(dir);
    let sending = std::thread::spawn(move || {
        let (socket, _) = listener.accept().expect("it is us");
        for path in files {
            let file = File::open(path).expect("the segment is there");
            let (mut position, size) = (0, file.metadata().expect("it has a size").len());
            while position < size {
                // As much at once as ours sends.
                let left = (size - position).min(FETCH.into()) as usize;
                rustix::fs::sendfile(&socket, &file, Some(&mut position), left).expect("it goes out");
            }
        }
    });
    let mut socket = TcpStream::connect(at).expect("the thread listens");
    let (mut piece, mut bytes) = (vec![0; PIECE], 0);
    let start = Instant::now();
    loop {
        match socket.read(&mut piece).expect("it comes in") {
            0 => break,
            read => bytes += read,
        }
    }
    let rate = bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
    sending.join().expect("it does not panic");
    rate
}
