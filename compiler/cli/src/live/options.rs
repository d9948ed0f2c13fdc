//! Options of calls and events: headers, time limit, protocol.

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
