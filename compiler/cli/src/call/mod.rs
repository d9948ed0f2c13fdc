//! `thriftwood call`: calls one method of a running service, with arguments and result in JSON.

mod request;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use thriftwood::call::{Client, Method};
use thriftwood::schema::json::{Answer, Printed};
use thriftwood::schema::{Field, Type, Value};
use thriftwood::{Context, RpcError, RpcErrorKind};
use thriftwood_idl::model::Model;

use crate::live::{self, Contract, Describer, Sending, colour, failed, ms, pretty};
use crate::output;

pub(crate) use request::{JsonAnswer, JsonCall, neither};

/// The method answered with an exception that it declares.
const EXCEPTION: u8 = 3;
/// There was no answer.
pub(crate) const NO_ANSWER: u8 = 4;

/// What `thriftwood call` is given.
#[derive(Args)]
#[command(
    after_help = "Exits with 0 when there is a result, with 3 when there is a declared exception (in JSON, too), with 4 when there \
is no answer,\nand with 1 when the call could not be made of what was given.\n\n\
Example: thriftwood call nats://127.0.0.1:4222 music.frugal Store.buyAlbum '{\"asin\": \"B000\"}' --address music"
)]
pub(crate) struct Call {
    #[command(flatten)]
    contract: Contract,
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    sending: Sending,
    /// Also show the headers that come with the reply, on standard error.
    #[arg(long, short)]
    verbose: bool,
}

/// Which method, with what, and where it is served.
#[derive(Args)]
pub(crate) struct Target {
    /// The method, as Service.method.
    #[arg(value_name = "METHOD")]
    method: String,
    /// The arguments by their names, as a JSON object; `-` reads them from standard input.
    #[arg(value_name = "JSON", default_value = "{}")]
    arguments: String,
    /// The address the service is served at; the service's name when not given.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
}

impl Target {
    /// The call, and the address it goes to.
    pub(crate) fn resolve(&self, model: &Model) -> Result<(JsonCall, String), String> {
        let (asked, of, function) = live::function(model, &self.method)?;
        let method = Describer::new(model).method(of, function);
        let arguments = match method.arguments {
            Some(described) => live::value(Type::Struct(described), &self.arguments)?,
            None => Value::Struct(Vec::new()),
        };
        let address = self.address.clone().unwrap_or_else(|| asked.name.clone());
        Ok((JsonCall { method, arguments: Arc::new(arguments) }, address))
    }
}

pub(crate) fn run(call: &Call) -> io::Result<ExitCode> {
    let Some(model) = call.contract.read() else { return Ok(ExitCode::FAILURE) };
    let (request, address) = match call.target.resolve(&model) {
        Ok(resolved) => resolved,
        Err(error) => return Ok(failed(error)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(send(call, request, &address))
}

async fn send(call: &Call, request: JsonCall, address: &str) -> io::Result<ExitCode> {
    let method = request.method;
    let start = Instant::now();
    let bus = match call.sending.connect(&call.contract.url).await {
        Ok(bus) => bus,
        Err(error) => {
            failed(error);
            return Ok(ExitCode::from(NO_ANSWER));
        }
    };
    let connected = start.elapsed();
    let client = Client::new(bus.rpc(address));
    let start = Instant::now();
    let context = call.sending.context();
    let outcome = client.call(&context, request).await;
    let took = start.elapsed();
    let code = match outcome {
        Ok(JsonAnswer(answer)) => show(call, &answer)?,
        Err(error) => {
            failed(&error);
            advise(&error, address, method, &context);
            ExitCode::from(NO_ANSWER)
        }
    };
    if call.verbose {
        for (name, value) in &context.response_headers() {
            eprintln!("{}: {}", name.escape_debug(), value.escape_debug());
        }
    }
    let ended = if code == ExitCode::from(NO_ANSWER) { "given up" } else { "answered" };
    let (service, name, id) = (method.service, method.name, context.correlation_id());
    eprintln!("{service}.{name}: connected in {}, {ended} after {}; correlation id {id}", ms(connected), ms(took));
    // What is left to be written is nothing that this command wrote.
    let _ = bus.close().await;
    Ok(code)
}

fn show(call: &Call, answer: &Answer) -> io::Result<ExitCode> {
    let (printed, code) = match answer {
        Answer::Result(printed) => (printed, ExitCode::SUCCESS),
        Answer::Exception(field, printed) => {
            eprintln!("{}", exception(field));
            (printed, ExitCode::from(EXCEPTION))
        }
    };
    writeln!(output::stdout(), "{}", pretty(&printed.json, colour()))?;
    note_unknown(printed, &call.contract.file());
    Ok(code)
}

/// `exception PurchasingError, as `error``
pub(crate) fn exception(field: &Field) -> String {
    format!("exception {}, declared as `{}`", field.ty, field.name)
}

/// Says what the answer had that is not shown.
pub(crate) fn note_unknown(printed: &Printed, file: &str) {
    if !printed.unknown.is_empty() {
        let fields = printed.unknown.join(", ");
        eprintln!("note: not shown, since {file} does not have them, or with another type: fields {fields}");
    }
}

/// Says what to do about a call without an answer.
pub(crate) fn advise(error: &RpcError, address: &str, method: &Method, context: &Context) {
    match error.kind() {
        RpcErrorKind::Unavailable => {
            eprintln!("help: is something served there, at the address `{address}`? --address names another");
        }
        RpcErrorKind::UnknownMethod => {
            eprintln!(
                "help: what is served at `{address}` has no `{}`; is it another service, or an older one?",
                method.wire_name
            );
        }
        RpcErrorKind::Timeout => eprintln!("help: --timeout gives it longer; the handler may have run"),
        RpcErrorKind::Overloaded => eprintln!("help: the handler did not run; call again later, or another server"),
        RpcErrorKind::Disconnected => {
            let id = context.correlation_id();
            eprintln!(
                "help: where it is a Thrift or Frugal server, the handler may have run; its log tells, by the correlation id {id}"
            );
        }
        RpcErrorKind::Protocol => {
            eprintln!("help: is it a Thrift or Frugal server that answers there, and is the file its contract?");
        }
        _ => {}
    }
}
