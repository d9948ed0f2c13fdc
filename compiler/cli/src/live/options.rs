//! Options of calls and events: headers, time limit, protocol.

use std::io;
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use thriftwood::codec::Protocol;
use thriftwood::{Bus, Context, Error, ErrorKind};

/// How a call or an event travels.
#[derive(Clone, Args)]
pub(crate) struct Sending {
    /// A header to send; may be given more than once. `_cid` is the correlation id.
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE", value_parser = pair)]
    headers: Vec<(String, String)>,
    /// How long it may take: 250ms, 5s, 1m.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    timeout: Duration,
    /// How messages are written. The peer must know it; a Thriftwood server knows all three.
    #[arg(long, value_name = "PROTOCOL", default_value = "binary")]
    protocol: Written,
}

#[derive(Clone, Copy, ValueEnum)]
enum Written {
    Binary,
    Compact,
    /// Thrift's own JSON.
    Json,
}

impl Sending {
    /// The bus of a URL, writing as asked.
    pub(crate) async fn connect(&self, url: &str) -> Result<Bus, Error> {
        let protocol = match self.protocol {
            Written::Binary => Protocol::Binary,
            Written::Compact => Protocol::Compact,
            Written::Json => Protocol::Json,
        };
        Ok(connect(url, self.timeout).await?.with_protocol(protocol))
    }

    /// The context of one call or event.
    pub(crate) fn context(&self) -> Context {
        let context = Context::new().with_timeout(self.timeout);
        self.headers.iter().fold(context, |context, (name, value)| context.with_header(name, value))
    }
}

/// The bus of a URL, without an observer: nobody listens to one here.
pub(crate) async fn connect(url: &str, limit: Duration) -> Result<Bus, Error> {
    let connecting = tokio::time::timeout(limit, thriftwood::connect(url));
    let bus = connecting.await.unwrap_or_else(|_| {
        let text = format!("{url}: not connected within {limit:?}; --timeout gives it longer");
        Err(Error::new(ErrorKind::Timeout, text))
    })?;
    Ok(bus.unobserved())
}

/// [`connect`], for whoever only reads: a directory of logs that is not there is said to be missing, and not made.
pub(crate) async fn connect_to_read(url: &str, limit: Duration) -> Result<Bus, Error> {
    if let Some(rest) = url.strip_prefix("log:").filter(|rest| !rest.starts_with("//")) {
        let (dir, _) = thriftwood::log::Config::from_url(rest)?;
        present(&dir).map_err(|error| Error::new(ErrorKind::Storage, error.to_string()).with_source(error))?;
    }
    connect(url, limit).await
}

/// Says of a directory that is to be read that it is not there, or none.
///
/// # Errors
/// What is the matter with it, and what to do.
pub(crate) fn present(dir: &Path) -> io::Result<()> {
    let shown = dir.display();
    let (kind, text) = match dir.metadata() {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => {
            let text = format!("{shown} is a file; name the directory of the log that it is of");
            (io::ErrorKind::NotADirectory, text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!(
                "there is no directory {shown}, and what only reads makes none; name one that was published to as log:DIR, \
                 or that `thriftwood log serve DIR` serves"
            );
            (error.kind(), text)
        }
        Err(error) => (error.kind(), format!("{shown} cannot be looked at: {error}")),
    };
    Err(io::Error::new(kind, text))
}

/// `name=value`
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it must be NAME=VALUE".to_owned()),
    }
}

/// A time with its unit, above zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("it must be more than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; write it like 250ms, 5s or 1m30s")),
    }
}
