//! Whom a server lets in: who speaks its protocol, in a version that it knows, and has a token where one is wanted.

use std::path::Path;

use thriftwood_core::{Error, ErrorKind};
use thriftwood_socket::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::ServeConfig;
use crate::remote::wire::{Hello, NoHello, VERSION, Welcome};

/// Bytes read of a client that is turned away, so that it can read why.
const MAX_UNREAD: u64 = 64 * 1024;

/// Fails where nobody could be let in.
pub(super) fn check(config: &ServeConfig) -> Result<(), Error> {
    let Some(file) = &config.token_file else { return Ok(()) };
    let invalid = |problem: String| {
        let text = format!("the tokens in {} cannot be used: {problem}", file.display());
        Error::new(ErrorKind::InvalidUrl, text)
    };
    match tokens(file) {
        Ok(tokens) if tokens.is_empty() => Err(invalid("there is none; write one on a line of its own".to_owned())),
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(error.to_string())),
    }
}

/// Reads the hello and answers it.
pub(super) async fn admit(socket: &mut Socket, config: &ServeConfig, server: u64) -> Result<(), String> {
    let refused = match Hello::read(socket).await {
        Ok(hello) => match judge(&hello, config).await {
            Ok(version) => {
                let welcome = Welcome::In { version, server }.encode();
                return socket.write_all(&welcome).await.map_err(|error| error.to_string());
            }
            Err(text) => text,
        },
        Err(NoHello::Lost(error)) => return Err(error.to_string()),
        Err(NoHello::Other(bytes)) => {
            return Err(format!("it speaks another protocol; it began with `{}`", bytes.escape_ascii()));
        }
    };
    let told = socket.write_all(&Welcome::Refused { text: refused.clone() }.encode()).await;
    // Closed with bytes unread, a socket resets the connection, and what was told may be lost with it.
    if told.is_ok() && socket.shutdown().await.is_ok() {
        // Nobody is left to be told of an error here.
        let _ = tokio::io::copy(&mut socket.take(MAX_UNREAD), &mut tokio::io::sink()).await;
    }
    Err(refused)
}

async fn judge(hello: &Hello, config: &ServeConfig) -> Result<u16, String> {
    let Some(version) = hello.version() else {
        let (first, last) = hello.versions;
        return Err(format!(
            "the client speaks versions {first} to {last} of the protocol, this server version {VERSION}; use the same \
             version of thriftwood at both ends"
        ));
    };
    let Some(file) = config.token_file.clone() else { return Ok(version) };
    if hello.token.is_empty() {
        return Err("this server wants a token; give the client one with `?token_file=FILE`".to_owned());
    }
    let tokens = tokio::task::spawn_blocking(move || tokens(&file)).await;
    let tokens = tokens.map_err(|error| error.to_string()).and_then(|read| read.map_err(|error| error.to_string()));
    let tokens = tokens.map_err(|problem| format!("this server cannot read its own tokens: {problem}"))?;
    // All of them are looked at, each to its end: how long it takes tells nothing of a token but its length.
    let is_known = tokens.iter().fold(false, |known, token| known | is_same(token.as_bytes(), &hello.token));
    if is_known { Ok(version) } else { Err("the token is none of those that this server knows".to_owned()) }
}

fn tokens(file: &Path) -> std::io::Result<Vec<String>> {
    let text = std::fs::read_to_string(file)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
