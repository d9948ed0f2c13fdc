//! The first bytes in each direction: which protocol, which version, and whether this client is let in.

use std::io;

use bytes::{BufMut, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::VERSION;

/// The first bytes in both directions.
pub(crate) const HELLO: [u8; 8] = *b"TWOODLOG";
/// The most bytes of a token.
const MAX_TOKEN: usize = 4096;
/// The most bytes of the text with which a client is refused.
const MAX_TEXT: usize = 4096;

/// What a client says first.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    /// The versions that it speaks: from the first to the last.
    pub(crate) versions: (u16, u16),
    /// What lets it in; empty for none.
    pub(crate) token: Bytes,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// In this version, by the server that goes by this random number until it ends.
    In { version: u16, server: u64 },
    /// For this reason.
    Refused { text: String },
}

/// Why the first bytes were no hello.
#[derive(Debug)]
pub(crate) enum NoHello {
    /// These came instead.
    Other(Vec<u8>),
    /// The connection ended or failed.
    Lost(io::Error),
}

impl From<io::Error> for NoHello {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

impl Hello {
    pub(crate) fn with(token: &[u8]) -> Self {
        Self { versions: (VERSION, VERSION), token: Bytes::copy_from_slice(token) }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = HELLO.to_vec();
        out.put_u16_le(self.versions.0);
        out.put_u16_le(self.versions.1);
        out.put_u32_le(self.token.len() as u32);
        out.put_slice(&self.token);
        out
    }

    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Self, NoHello> {
        magic(from).await?;
        let versions = (from.read_u16_le().await?, from.read_u16_le().await?);
        let token = limited(from, MAX_TOKEN).await?;
        Ok(Self { versions, token: token.into() })
    }

    /// The newest version that both ends speak.
    pub(crate) fn version(&self) -> Option<u16> {
        (self.versions.0..=self.versions.1).contains(&VERSION).then_some(VERSION)
    }
}

impl Welcome {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = HELLO.to_vec();
        match self {
            Self::In { version, server } => {
                out.put_u16_le(*version);
                out.put_u64_le(*server);
            }
            Self::Refused { text } => {
                out.put_u16_le(0);
                let text = &text.as_bytes()[..text.len().min(MAX_TEXT)];
                out.put_u32_le(text.len() as u32);
                out.put_slice(text);
            }
        }
        out
    }

    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Self, NoHello> {
        magic(from).await?;
        match from.read_u16_le().await? {
            0 => Ok(Self::Refused { text: String::from_utf8_lossy(&limited(from, MAX_TEXT).await?).into_owned() }),
            version => Ok(Self::In { version, server: from.read_u64_le().await? }),
        }
    }
}

/// Reads the first bytes as far as they are those of a hello: whoever speaks otherwise may say less.
async fn magic(from: &mut (impl AsyncRead + Unpin)) -> Result<(), NoHello> {
    let mut found = Vec::with_capacity(HELLO.len());
    while found.len() < HELLO.len() {
        if from.read_buf(&mut (&mut found).limit(HELLO.len())).await? == 0 {
            let lost = io::Error::new(io::ErrorKind::UnexpectedEof, "it was closed before it had said anything");
            return Err(if found.is_empty() { NoHello::Lost(lost) } else { NoHello::Other(found) });
        }
        if !HELLO.starts_with(&found) {
            return Err(NoHello::Other(found));
        }
    }
    Ok(())
}

async fn limited(from: &mut (impl AsyncRead + Unpin), limit: usize) -> Result<Vec<u8>, NoHello> {
    let length = from.read_u32_le().await? as usize;
    if length > limit {
        return Err(NoHello::Other(length.to_le_bytes().to_vec()));
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes).await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hellos_come_back_as_they_were_and_others_are_told_from_them() {
        let hello = Hello::with(b"secret");
        let bytes = hello.encode();
        assert!(Hello::read(&mut &bytes[..]).await.unwrap() == hello);
        for welcome in [Welcome::In { version: 1, server: 7 }, Welcome::Refused { text: "no".into() }] {
            assert_eq!(Welcome::read(&mut &welcome.encode()[..]).await.unwrap(), welcome);
        }
        for end in 0..bytes.len() {
            assert!(Hello::read(&mut &bytes[..end]).await.is_err(), "cut at {end}");
        }
        let told = |found| matches!(found, Err(NoHello::Other(bytes)) if bytes.starts_with(b"GET"));
        assert!(told(Hello::read(&mut &b"GET / HTTP/1.1\r\n"[..]).await.map(drop)));
        let mut large = Hello::with(b"").encode();
        large[12..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Hello::read(&mut &large[..]).await, Err(NoHello::Other(_))));
    }

    #[test]
    fn a_version_is_agreed_on_or_none_is() {
        let speaks = |versions| Hello { versions, token: Bytes::new() }.version();
        assert_eq!((speaks((1, 1)), speaks((0, 9)), speaks((2, 3)), speaks((9, 0))), (Some(1), Some(1), None, None));
    }
}
