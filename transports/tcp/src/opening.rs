//! Who answers a caller, told by the first bytes of the answer: a server of frames, or somebody at whose address it has no business.

use std::fmt::Write as _;

/// Bytes kept of what somebody says first; a line of status, or a greeting, is told by fewer.
const KEPT: usize = 64;

/// The first bytes of an answer, until they tell who gives it.
#[derive(Debug, Default)]
pub(crate) struct Opening(Vec<u8>);

/// Who it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answerer {
    /// Frames begin like that.
    Server,
    /// Nothing in what it says is a frame.
    Stranger(Stranger),
}

/// Somebody who speaks something else.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stranger {
    /// What it speaks instead, and what it said, as the end of a sentence.
    pub(crate) speaks: String,
    /// The schemes of the URL that was meant perhaps: on a connection without TLS, and with it.
    pub(crate) meant: Option<[&'static str; 2]>,
}

impl Opening {
    /// Takes more of the answer. Who gives it, once that can be told.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<Answerer> {
        let room = KEPT.saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let stranger = |speaks: &str, meant| {
            let speaks = speaks.to_owned();
            Some(Answerer::Stranger(Stranger { speaks, meant }))
        };
        match &self.0[..] {
            [_, _, _, _, 0, ..] => Some(Answerer::Server),
            // Known by fewer bytes than a frame is, since four are enough for a size that is over the limit.
            [0x15 | 0x16, 3, _, _, ..] => stranger("TLS", Some(["tcps", "tcps"])),
            said @ [b'H', b'T', b'T', b'P', ..] => {
                stranger(&format!("HTTP ({})", quoted(said)), Some(["http", "https"]))
            }
            said @ [b'I', b'N', b'F', b'O', ..] => {
                stranger(&format!("NATS ({})", quoted(said)), Some(["nats", "nats"]))
            }
            [b'T', b'W', b'O', b'O', ..] => stranger("the log server's protocol", Some(["log", "logs"])),
            [0x80, 1, ..] | [0x82, 0x21 | 0x41 | 0x61 | 0x81, ..] => stranger("Thrift without frames", None),
            [_, _, _, _, 0x80 | 0x82 | b'[', ..] => stranger("plain Thrift, without Frugal's headers", None),
            said @ [_, _, _, _, _, ..] => stranger(&format!("something else ({})", quoted(said)), None),
            _ => None,
        }
    }
}

impl Stranger {
    /// The text of an error: who is there, and which URL was meant perhaps.
    pub(crate) fn told(&self, target: &impl std::fmt::Display, is_tls: bool) -> String {
        let mut text = format!("what answers at {target} is no server of frames: it speaks {}", self.speaks);
        if let Some(meant) = self.meant {
            let _ = write!(text, "; should the URL begin with {}://?", meant[usize::from(is_tls)]);
        }
        text
    }
}

/// The first line, with what no terminal should be sent escaped.
fn quoted(said: &[u8]) -> String {
    let line = said.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let cut = if line.len() == KEPT { "..." } else { "" };
    format!("\"{}{cut}\"", line.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who gives an answer that comes in one piece, and the same that comes byte by byte.
    fn told(answer: &[u8]) -> Option<String> {
        let text = |answerer| match answerer {
            Answerer::Server => "a server".to_owned(),
            Answerer::Stranger(stranger) => stranger.told(&"tcp://host:1", false),
        };
        let mut slow = Opening::default();
        let slowly = answer.iter().find_map(|byte| slow.take(&[*byte]));
        let at_once = Opening::default().take(answer);
        assert_eq!(slowly.is_some(), at_once.is_some(), "{answer:?}");
        at_once.map(text)
    }

    #[test]
    fn who_answers_is_told_by_its_first_bytes() {
        let known: [(&[u8], &str); 9] = [
            (
                b"HTTP/1.1 400 Bad Request\r\nserver: x\r\n",
                "HTTP (\"HTTP/1.1 400 Bad Request\"); should the URL begin with http://?",
            ),
            (&[0x15, 3, 1, 0, 2, 2, 40], "TLS; should the URL begin with tcps://?"),
            (b"INFO {\"a\":1}\r\n", "NATS (\"INFO {\\\"a\\\":1}\"); should the URL begin with nats://?"),
            (b"TWOODLOG\x00\x00", "the log server's protocol; should the URL begin with log://?"),
            (&[0x80, 1, 0, 2, 1], "Thrift without frames"),
            (&[0, 0, 0, 40, 0x80, 1, 0, 3], "plain Thrift, without Frugal's headers"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "something else (\"SSH-2.0-OpenSSH_9.2\")"),
            (b"220 \x1b[31mmail\r\n", "something else (\"220 \\x1b[31mmail\")"),
            (&[0, 0, 0, 40, 7], "something else (\"\\x00\\x00\\x00(\\x07\")"),
        ];
        for (answer, text) in known {
            let text = format!("what answers at tcp://host:1 is no server of frames: it speaks {text}");
            assert_eq!(told(answer), Some(text));
        }
        assert_eq!(told(&[0, 0, 0, 40, 0, 0, 0, 0, 31]), Some("a server".to_owned()));
        // A frame of this size is over any limit but one that somebody has raised that far.
        assert_eq!(told(&[0x20, 0, 0, 40, 0]), Some("a server".to_owned()));
        assert_eq!(told(&[0, 0, 0, 40]), None);
    }

    #[test]
    fn a_long_greeting_is_cut() {
        let text = told(&[b'x'; 1000]).unwrap();
        assert!(text.contains(&format!("(\"{}...\")", "x".repeat(KEPT))), "{text}");
    }
}
