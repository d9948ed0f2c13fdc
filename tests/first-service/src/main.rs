//! Greets somebody over RPC, publishes that it did, and receives what it published.
//!
//! `first-service DIR` keeps calls and events in a log in that directory.

mod hello {
    thriftwood::include_idl!("hello");
}

use hello::*;
use thriftwood::Context;

struct English;

impl Greeter for English {
    async fn greet(&self, _ctx: &Context, name: String) -> Result<Greeting, GreetError> {
        if name.is_empty() {
            return Err(NoName::default().with_message("who is it?").into());
        }
        Ok(Greeting::new(format!("Hello, {name}!"), name))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: first-service DIR")?;
    let bus = thriftwood::connect(&format!("log:{dir}")).await?;
    let ctx = Context::new();

    bus.serve("greeter", GreeterServer::new(English)).await?;
    let greeter = GreeterClient::new(bus.rpc("greeter"));
    let greeting = greeter.greet(&ctx, "Ada".into()).await?;
    println!("the service says: {}", greeting.text);

    match greeter.greet(&ctx, "".into()).await {
        Err(GreetError::NoName(error)) => println!("the service asks: {}", error.message),
        other => return Err(format!("no name was greeted with {other:?}").into()),
    }

    let mut greetings = Greetings::subscriber(&bus, "en").group("first").greeted().await?;
    Greetings::publisher(&bus, "en").greeted(&ctx, &greeting).await?;
    let event = greetings.next().await.ok_or("the subscription ended")??;
    println!("the subscriber got: {} was greeted", event.name);
    event.ack().await?;

    bus.close().await?;
    Ok(())
}
