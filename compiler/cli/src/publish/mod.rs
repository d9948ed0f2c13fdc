//! `thriftwood publish`: publishes one event, its payload in JSON.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use thriftwood::Error;
use thriftwood::event::{JsonEvent, Operation, Publisher};
use thriftwood::schema::{Type, Value};

use crate::call::NO_ANSWER;
use crate::live::{self, Contract, Events, Sending, failed};

/// What `thriftwood publish` is given.
#[derive(Args)]
#[command(
    after_help = "Exits with 0 when the event is published, which is what the transport promises: a log has it on disk. Exits with \
4 when it could\nnot be published, and with 1 when there was no event in what was given.\n\n\
Example: thriftwood publish nats://127.0.0.1:4222 music.frugal AlbumWinners.Winner '{\"asin\": \"B000\"}' --var region=emea"
)]
pub(crate) struct Publish {
    #[command(flatten)]
    contract: Contract,
    #[command(flatten)]
    events: Events,
    /// The payload, as JSON; `-` reads it from standard input.
    #[arg(value_name = "JSON")]
    payload: String,
    /// What the event is about: subscribers handle events of one key in order, and a log keeps it with the event.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    sending: Sending,
}

pub(crate) fn run(publish: &Publish) -> io::Result<ExitCode> {
    let Some(model) = publish.contract.read() else { return Ok(ExitCode::FAILURE) };
    let resolved = publish.events.resolve(&model, None).and_then(|(operation, variables)| {
        let ty = operation.payload.copied().unwrap_or(Type::String);
        Ok((operation, variables, live::value(ty, &publish.payload)?))
    });
    let (operation, variables, payload) = match resolved {
        Ok(resolved) => resolved,
        Err(error) => return Ok(failed(error)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(match runtime.block_on(send(publish, operation, variables, payload)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            failed(error);
            ExitCode::from(NO_ANSWER)
        }
    })
}

async fn send(
    publish: &Publish,
    operation: &'static Operation,
    variables: Vec<String>,
    payload: Value,
) -> Result<(), Error> {
    let bus = publish.sending.connect(&publish.contract.url).await?;
    let publisher = Publisher::new(&bus, operation.scope, variables);
    let mut context = publish.sending.context();
    if let Some(key) = &publish.key {
        context = context.with_key(key.as_str());
    }
    let start = Instant::now();
    publisher.publish_event(&context, JsonEvent::Outgoing(operation, Arc::new(payload))).await?;
    let took = start.elapsed();
    // Some transports have only taken it so far.
    bus.close().await?;
    eprintln!("{}.{}: published in {}", operation.scope.name, operation.name, live::ms(took));
    Ok(())
}
