//! Two services in a row: `Front` asks `Back`, with the context it got, and publishes what it made of the answer.

use thriftwood::{Bus, Context, RpcError, Serving};
use tokio::sync::mpsc;

use crate::idl::{
    Back, BackClient, BackServer, Front, FrontServer, GreetError, Greetings, GreetingsPublisher, Unwelcome,
};

/// The headers by which a trace is carried, as a handler saw them.
pub type Seen = Vec<(String, String)>;

/// Serves both; what comes out are the headers that `Back` and `Front.note` saw.
pub async fn serve(front: &Bus, back: &Bus) -> mpsc::UnboundedReceiver<Seen> {
    let (seen, seen_out) = mpsc::unbounded_channel();
    serve_back(back, seen.clone()).await;
    let client = BackClient::new(front.rpc("back"));
    let greeter = Greeter { back: client, greetings: Greetings::publisher(front, "emea"), seen };
    front.serve("front", FrontServer::new(greeter)).await.unwrap();
    seen_out
}

/// Serves the second hop alone.
pub async fn serve_back(bus: &Bus, seen: mpsc::UnboundedSender<Seen>) -> Serving {
    bus.serve("back", BackServer::new(Titles { seen })).await.unwrap()
}

struct Titles {
    seen: mpsc::UnboundedSender<Seen>,
}

impl Back for Titles {
    async fn title(&self, ctx: &Context, name: String) -> Result<String, RpcError> {
        self.seen.send(headers(ctx)).map_err(RpcError::internal)?;
        Ok(format!("Dr. {name}"))
    }
}

struct Greeter {
    back: BackClient,
    greetings: GreetingsPublisher,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Front for Greeter {
    async fn greet(&self, ctx: &Context, name: String) -> Result<String, GreetError> {
        if name.is_empty() {
            return Err(Unwelcome { reason: "nobody is nobody".to_owned() }.into());
        }
        let greeting = format!("Hello, {}", self.back.title(ctx, name).await?);
        self.greetings.greeted(ctx, &greeting).await.map_err(RpcError::internal)?;
        Ok(greeting)
    }

    async fn fail(&self, _: &Context, code: i32) -> Result<(), RpcError> {
        match code {
            0 => Err(RpcError::internal("the disk is gone")),
            1 => panic!("as asked"),
            2 => std::future::pending().await,
            code => Err(RpcError::application(code, "no")),
        }
    }

    async fn note(&self, ctx: &Context, _: String) -> Result<(), RpcError> {
        self.seen.send(headers(ctx)).map_err(RpcError::internal)
    }
}

fn headers(ctx: &Context) -> Seen {
    ctx.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
