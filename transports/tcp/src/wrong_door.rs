//! What a client is told that speaks HTTP to a port for frames: an answer that it can read, in place of an end without a word.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes read of such a client's request, so that it can read the answer.
const MAX_UNREAD: u64 = 64 * 1024;

/// For a person with a browser or curl, and for the error of a caller.
const TEXT: &str =
    "frames over TCP are taken at this port, and not HTTP; its URL begins with tcp://, or with tcps:// inside TLS\n";

/// Answers, whatever was asked, and closes.
pub(crate) async fn tell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{TEXT}",
        TEXT.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // Closed with bytes unread, a socket resets the connection, and the answer may be lost with it.
    tokio::io::copy(&mut stream.take(MAX_UNREAD), &mut tokio::io::sink()).await.map(drop)
}
