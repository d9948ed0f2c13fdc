//! Reads and writes the frames that messages travel in: a header with the length, an empty line, and JSON.
//!
//! `lsp-server` reads them too, but takes any length for granted: it aborts on one that memory cannot hold, and ends on a
//! frame whose JSON is no message.

use std::io::{self, BufRead, Read, Write};

use lsp_server::{ErrorCode, Message};

/// What came in one frame.
pub(super) enum Frame {
    Message(Message),
    /// JSON that is no message, or no JSON at all, and the answer to it.
    Unreadable(String),
}

/// The longest header line, and the largest message: twice the largest file that is read from disk.
const MAX_HEADER: u64 = 4096;
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// The next frame, or none at the end of the input.
///
/// # Errors
///
/// `InvalidData` where the input is no frame: then nobody knows where the next one begins.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let Some(length) = header(input)? else { return Ok(None) };
    if length > MAX_BYTES {
        return Err(invalid(format!("a message of {length} bytes; at most {MAX_BYTES} are read")));
    }
    let mut body = Vec::new();
    input.take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Err(invalid(format!("the input ended within a message, after {} of {length} bytes", body.len())));
    }
    Ok(Some(match serde_json::from_slice::<Message>(&body) {
        Ok(message) => Frame::Message(message),
        Err(error) => {
            let code = match serde_json::from_slice::<serde_json::Value>(&body) {
                Ok(_) => ErrorCode::InvalidRequest,
                Err(_) => ErrorCode::ParseError,
            };
            // The id cannot be read, and `lsp-server` has no answers without one.
            let error = serde_json::json!({ "code": code as i32, "message": format!("not a message: {error}") });
            Frame::Unreadable(serde_json::json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string())
        }
    }))
}

/// Writes JSON as one frame.
pub(super) fn write(output: &mut impl Write, json: &str) -> io::Result<()> {
    write!(output, "Content-Length: {}\r\n\r\n{json}", json.len())?;
    output.flush()
}

/// Reads the header and the empty line after it; gives the length it says.
fn header(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut length = None;
    let mut is_first = true;
    loop {
        let mut line = Vec::new();
        input.by_ref().take(MAX_HEADER).read_until(b'\n', &mut line)?;
        if line.is_empty() && is_first {
            return Ok(None);
        }
        is_first = false;
        let line = String::from_utf8_lossy(&line);
        let Some(line) = line.strip_suffix("\r\n") else {
            return Err(invalid(format!("expected a header line such as `Content-Length: 2`, found {:?}", &*line)));
        };
        if line.is_empty() {
            return length.map(Some).ok_or_else(|| invalid("a header without `Content-Length`".to_owned()));
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(invalid(format!("expected a header line such as `Content-Length: 2`, found {line:?}")));
        };
        if name.eq_ignore_ascii_case("Content-Length") {
            let parsed = value.trim().parse();
            length = Some(parsed.map_err(|_| invalid(format!("`Content-Length: {}` is no length", value.trim())))?);
        }
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(mut input: &[u8]) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        loop {
            kinds.push(match read(&mut input) {
                Ok(Some(Frame::Message(_))) => "message",
                Ok(Some(Frame::Unreadable(_))) => "unreadable",
                Ok(None) => return kinds,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    kinds.push("invalid");
                    return kinds;
                }
                Err(_) => "failed",
            });
        }
    }

    #[test]
    fn a_frame_that_is_no_message_is_followed_by_others() {
        let input = "Content-Length: 2\r\n\r\n{}Content-Length: 1\r\n\r\n{content-length:39\r\nX: y\r\n\r\n\
                     {\"jsonrpc\":\"2.0\",\"method\":\"exit\"      }";
        assert_eq!(kinds(input.as_bytes()), ["unreadable", "unreadable", "message"]);
    }

    #[test]
    fn what_is_no_frame_ends_the_reading() {
        for input in [
            "hello\n",
            "hello\r\n\r\n",
            "\r\n",
            "Content-Length: 99999999999999999999\r\n\r\n",
            "Content-Length: 18446744073709551615\r\n\r\n",
            "Content-Length: 134217729\r\n\r\n",
            "Content-Length: -1\r\n\r\n",
            "Content-Length: 10\r\n\r\n{}",
            "Content-Length: 10",
        ] {
            assert_eq!(kinds(input.as_bytes()), ["invalid"], "{input:?}");
        }
        assert_eq!(kinds(&[b'x'; 10_000]), ["invalid"]);
    }
}
