//! A shop that sells albums and announces winners: one IDL file, `idl/music.frugal`, on whatever bus the URL names.
//!
//! ```text
//! cargo run --example music                                    # a durable log in ./data, nothing else needed
//! cargo run --example music -- --url nats://127.0.0.1:4222     # the same code on a NATS server
//! cargo run --example music -- --url memory:                   # inside this process, nothing kept
//! ```

// The types of the IDL: `Album`, `Store`, `StoreClient`, `AlbumWinners`, ..
mod music {
    thriftwood::include_idl!("v1.music");
}

use std::process::ExitCode;
use std::time::{Duration, Instant};

use music::idl::v1::common::Price;
use music::*;
use thriftwood::event::Start;
use thriftwood::{Bus, Context, Event, RpcError, Subscription};

type Failure = Box<dyn std::error::Error>;

/// The handler: a plain struct with plain async functions.
struct Shop;

impl Store for Shop {
    async fn buy_album(&self, ctx: &Context, asin: String, acct: String) -> Result<Album, BuyAlbumError> {
        ctx.set_response_header("till", "3");
        match asin.as_str() {
            "B000002UAL" => Ok(kind_of_blue()),
            // A declared exception is an ordinary value; `?` and `into` make it the method's error.
            _ => Err(PurchasingError { message: format!("{acct} cannot buy {asin}: not in stock"), code: 404 }.into()),
        }
    }

    async fn enter_album_giveaway(&self, _: &Context, email: String, _name: String) -> Result<bool, RpcError> {
        Ok(email.contains('@'))
    }

    async fn rate_album(&self, _: &Context, asin: String, stars: i32) -> Result<(), RpcError> {
        println!("   shop: {asin} was given {stars} stars");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let url = url_from_arguments()?;
    println!("Connecting to {url}");
    let bus = thriftwood::connect(&url).await?;

    println!("\n1. Calls. The shop serves `Store` at the address `music`; a customer calls it.");
    let serving = bus.serve("music", StoreServer::new(Shop)).await?;
    buy_albums(&bus).await?;

    println!("\n2. Events. The shop publishes winners by region; a mailer reads those of every region.");
    let last = announce_winners(&bus).await?;

    serving.stop().await;
    bus.close().await?;

    println!("\n3. Afterwards.");
    match last {
        Some(last) => {
            println!("   The bus is closed. Opening the log again and reading it from its first event:");
            replay(&thriftwood::connect(&url).await?, last).await?;
            println!("   Run this again: the log goes on where it ended. Delete its folder to start afresh.");
        }
        None => println!("   There is nothing to read again: `{}` keeps no events. `log:./data` does.", bus.scheme()),
    }
    Ok(())
}

async fn buy_albums(bus: &Bus) -> Result<(), Failure> {
    let store = StoreClient::new(bus.rpc("music"));
    // Correlation id, headers and time limit travel with every call made with this context.
    let ctx = Context::new().with_timeout(Duration::from_secs(2)).with_header("tenant", "blue");

    let start = Instant::now();
    let album = store.buy_album(&ctx, "B000002UAL".into(), "acct-1".into()).await?;
    let price = album.price.as_ref().map_or(0.0, |price| price.micros as f64 / 1e6);
    println!(
        "   bought {} ({:?}, {} tracks) for {price:.2} in {:.1?}",
        album.asin,
        album.format,
        album.tracks.len(),
        start.elapsed()
    );
    println!("   the reply came from till {}", ctx.response_header("till").unwrap_or_default());

    match store.buy_album(&ctx, "B00NOTHING".into(), "acct-1".into()).await {
        Err(BuyAlbumError::PurchasingError(error)) => {
            println!("   not bought: {} (code {})", error.message, error.code);
        }
        Err(other) => return Err(other.into()),
        Ok(album) => println!("   bought {}, which the shop does not have", album.asin),
    }

    let entered = store.enter_album_giveaway(&ctx, "ella@example.org".into(), "Ella".into()).await?;
    println!("   in the draw: {entered}");
    // A oneway call: nobody waits for an answer.
    store.rate_album(&ctx, album.asin, 5).await?;
    Ok(())
}

/// Publishes three winners and receives them. Gives the offset of the last, where the bus keeps events.
async fn announce_winners(bus: &Bus) -> Result<Option<u64>, Failure> {
    // `*` takes every value of the prefix variable; the members of a group share its events.
    let mut mail = AlbumWinners::subscriber(bus, "*").group("mailer").winner().await?;

    for region in ["emea", "apac", "latam"] {
        AlbumWinners::publisher(bus, region).winner(&Context::new(), &kind_of_blue()).await?;
        println!("   shop: published a winner in {region}");
    }
    let mut last = None;
    for _ in 0..3 {
        let event = next(&mut mail).await?;
        last = event.offset();
        println!("   mailer: {} was won in {}", event.asin, place(&event));
        event.ack().await?;
    }
    println!("   mailer: acknowledged all three; they do not come to its group again");
    Ok(last)
}

/// Reads every winner there ever was, without a group: nothing is acknowledged, nobody's position moves.
async fn replay(bus: &Bus, last: u64) -> Result<(), Failure> {
    let mut winners = AlbumWinners::subscriber(bus, "*").start(Start::First).winner().await?;
    let mut count = 0;
    let mut offset = 0;
    while count == 0 || offset < last {
        let event = next(&mut winners).await?;
        offset = event.offset().unwrap_or(last);
        count += 1;
        // All are read; of those from earlier runs only the latest are worth a line.
        if offset + 6 > last {
            println!("   {} was won in {}", event.asin, place(&event));
        }
    }
    println!("   {count} winners are kept, from this run and those before it.");
    bus.close().await?;
    Ok(())
}

/// The next event, which must come soon.
async fn next(events: &mut Subscription<Album>) -> Result<Event<Album>, Failure> {
    match tokio::time::timeout(Duration::from_secs(10), events.next()).await {
        Ok(Some(event)) => Ok(event?),
        Ok(None) => Err("the subscription ended".into()),
        Err(_) => Err("no event came within 10 s".into()),
    }
}

fn kind_of_blue() -> Album {
    Album::new("B000002UAL")
        .with_tracks(vec![
            Track::default().with_title("So What").with_artist("Miles Davis").with_seconds(562),
            Track::default().with_title("Blue in Green").with_artist("Miles Davis").with_seconds(337),
        ])
        .with_format(Format::VINYL)
        .with_price(Price::new(17_990_000, "EUR"))
}

/// `emea (offset 0)`
fn place(event: &Event<Album>) -> String {
    let region = event.variable("region").unwrap_or("nowhere");
    event.offset().map_or_else(|| region.to_owned(), |offset| format!("{region} (offset {offset})"))
}

fn url_from_arguments() -> Result<String, Failure> {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Ok("log:./data".to_owned()),
        (Some("--url"), Some(url)) => Ok(url),
        _ => Err("usage: music [--url log:DIR | nats://HOST:PORT | memory:]".into()),
    }
}
