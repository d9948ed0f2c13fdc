//! `thriftwood log export --to URL`: the events of a log to any transport, each frame as it is stored.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use percent_encoding::percent_decode_str;
use thriftwood::event::{PublishOptions, Topic};
use thriftwood_log::store::{From, StoreError};

use super::bar::Bar;
use super::show::Filter;
use super::{Outcome, find};

/// Publishes what the filter takes, in order, the next event when the one before is where it should be.
pub(super) fn to(url: &str, dir: &Path, from: From, filter: &Filter) -> Outcome {
    let dir = find::log(dir)?;
    let view = find::view(&dir)?;
    let mut reader = view.reader(from)?;
    // The name of a stream is that of its folder.
    let stream = dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stream = percent_decode_str(&stream).decode_utf8_lossy().into_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let bus = thriftwood::connect(url).await?;
        let first = reader.offset();
        let bar = Bar::records(format!("to {url}"), view.next_offset().saturating_sub(first));
        let (mut published, mut passed_over, mut code) = (0_u64, 0_u64, ExitCode::SUCCESS);
        loop {
            match reader.next_ready() {
                Ok(None) => break,
                Ok(Some(record)) if filter.is_behind(&record) => break,
                Ok(Some(record)) if filter.takes(&record) => {
                    let topic = record.header("topic").and_then(|topic| String::from_utf8(topic.to_vec()).ok());
                    let Some(name) = topic else {
                        passed_over += 1;
                        continue;
                    };
                    let (offset, topic) = (record.offset(), Topic { name, stream: stream.as_str().into() });
                    let sent = bus.publish_frame(&topic, record.into_value(), PublishOptions::default()).await;
                    sent.map_err(|error| {
                        format!("the event at offset {offset} was not published, {published} before it were: {error}; go on with --from {offset}")
                    })?;
                    published += 1;
                    bar.set(offset + 1 - first);
                }
                Ok(Some(_)) => {}
                Err(error @ (StoreError::Corrupt { .. } | StoreError::Unsupported { .. })) => {
                    eprintln!("error: {error}");
                    code = ExitCode::FAILURE;
                }
                Err(error) => return Err(error.into()),
            }
        }
        // What a connection still holds goes out.
        bus.close().await?;
        drop(bar);
        writeln!(stdout(), "{}: {published} events to {url}", dir.display())?;
        if passed_over > 0 {
            eprintln!("{passed_over} records have no topic and were passed over");
        }
        Ok(code)
    })
}
