//! A shop that is called over HTTP: by generated clients, by Frugal's and Thrift's, and by people with `curl`.
//!
//! ```text
//! cargo run --example shop                                     # at http://127.0.0.1:8080
//! curl -d '{"asin": "B000002UAL", "acct": "bill"}' http://127.0.0.1:8080/music/Store/buyAlbum
//! ```

pub(crate) mod music {
    thriftwood::include_idl!("v1.music");
}

use music::*;
use thriftwood::{Context, RpcError};

/// The handler: a plain struct with plain async functions.
pub(crate) struct Shop;

impl Store for Shop {
    async fn buy_album(&self, ctx: &Context, asin: String, acct: String) -> Result<Album, BuyAlbumError> {
        ctx.set_response_header("till", "3");
        match asin.as_str() {
            "B000002UAL" => {
                Ok(Album::new(asin).with_tracks(vec![Track::default().with_title("So What").with_seconds(562)]))
            }
            _ => Err(PurchasingError { message: format!("{acct} cannot buy {asin}: not in stock"), code: 404 }.into()),
        }
    }

    async fn enter_album_giveaway(&self, ctx: &Context, email: String, _name: String) -> Result<bool, RpcError> {
        match ctx.header("tenant") {
            Some("blue") => Ok(email.contains('@')),
            _ => Err(RpcError::application(403, "only tenant `blue` gives albums away")),
        }
    }

    async fn rate_album(&self, _: &Context, _asin: String, _stars: i32) -> Result<(), RpcError> {
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), thriftwood::Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
    let bus = thriftwood::connect(&url).await?;
    let serving = bus.serve("music", StoreServer::new(Shop)).await?;
    println!("Store is served at {url}/music, until you press Ctrl-C. Try:");
    println!("  curl -d '{{\"asin\": \"B000002UAL\", \"acct\": \"bill\"}}' {url}/music/Store/buyAlbum");
    tokio::select! {
        () = serving.wait() => {}
        _ = tokio::signal::ctrl_c() => bus.close().await?,
    }
    Ok(())
}
