//! A Redis server of its own, and appends to a stream of it, pipelined, in its own protocol.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::log::TURN;
use crate::rounds::per_second;

/// A server and a connection to it.
pub struct Redis {
    process: Child,
    connection: BufReader<TcpStream>,
    _folder: TempDir,
}

impl Redis {
    /// A server that appends to a file, and syncs it like this. `None`, with a word about it, when there is no redis-server.
    pub fn start(fsync: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder for Redis");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let port = free.expect("a free port").port();
        let started = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", fsync, "--dir"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = started else {
            println!("no redis-server is on the PATH: nothing is compared with Redis streams");
            return None;
        };
        let give_up = Instant::now() + Duration::from_secs(20);
        let connection = loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(connection) => break connection,
                Err(error) => assert!(Instant::now() < give_up, "redis-server does not come up: {error}"),
            }
            // Another process gives no sign but its port.
            std::thread::sleep(Duration::from_millis(10));
        };
        connection.set_nodelay(true).expect("a socket");
        Some(Self { process, connection: BufReader::new(connection), _folder: folder })
    }

    /// Records per second, so many sent before the answers to them are read.
    pub fn appends_per_second(&mut self, record: &[u8], in_flight: usize) -> f64 {
        // What is older than some 300 MB goes, so that memory is not filled.
        let head = format!(
            "*8\r\n$4\r\nXADD\r\n$1\r\ns\r\n$6\r\nMAXLEN\r\n$1\r\n~\r\n$6\r\n300000\r\n$1\r\n*\r\n$1\r\nv\r\n${}\r\n",
            record.len()
        );
        let one = [head.as_bytes(), record, b"\r\n"].concat();
        let all = one.repeat(in_flight);
        let (mut appended, start, mut line) = (0, Instant::now(), String::new());
        while start.elapsed() < TURN {
            self.connection.get_mut().write_all(&all).expect("the server is there");
            for _ in 0..in_flight {
                for _ in 0..2 {
                    line.clear();
                    self.connection.read_line(&mut line).expect("the server answers");
                    assert!(!line.starts_with('-'), "it refuses: {line}");
                }
            }
            appended += in_flight;
        }
        per_second(appended, start.elapsed())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already, which is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
