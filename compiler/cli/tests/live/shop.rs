//! The example's service, served by generated code.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use thriftwood::{Bus, Context, RpcError, Serving};

// Included as text: as a module of its own it would be formatted by this workspace's settings.
mod generated {
    include!("../../../codegen/tests/golden/music.rs");
}

pub(crate) use generated::v1::{common, music};
use music::{Album, BuyAlbumError, Format, PurchasingError, Store, StoreServer, Track};

/// The contract, as the command gets it.
pub(crate) const IDL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../idl-examples/idl/music.frugal");

struct Shop {
    /// Hears of every entry into the giveaway.
    entered: Sender<()>,
}

impl Store for Shop {
    async fn buy_album(&self, ctx: &Context, asin: String, acct: String) -> Result<Album, BuyAlbumError> {
        match acct.as_str() {
            "" => Err(PurchasingError { message: "no account".into(), code: 402 }.into()),
            "slow" => {
                // Longer than any test waits.
                tokio::time::sleep(Duration::from_secs(600)).await;
                Err(RpcError::internal("too late").into())
            }
            "broken" => Err(RpcError::internal("the till is stuck").into()),
            _ => {
                ctx.set_response_header("shelf", "7");
                let track =
                    Track::default().with_title(format!("for {acct} of {}", ctx.header("tenant").unwrap_or("?")));
                let price = common::Price::new(i64::MAX, "EUR");
                Ok(Album::new(asin).with_tracks(vec![track]).with_format(Format::VINYL).with_price(price))
            }
        }
    }

    async fn enter_album_giveaway(&self, _: &Context, email: String, _: String) -> Result<bool, RpcError> {
        // Most tests do not listen.
        let _ = self.entered.send(());
        Ok(email.contains('@'))
    }

    async fn rate_album(&self, _: &Context, _: String, _: i32) -> Result<(), RpcError> {
        Ok(())
    }
}

/// A served shop. It is there for as long as this is.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) entered: Receiver<()>,
    _runtime: tokio::runtime::Runtime,
    _bus: Bus,
    _serving: Serving,
}

/// Serves the shop at `music` on the bus of this URL; a port 0 becomes the one that is taken.
pub(crate) fn serve(url: &str) -> Served {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (sender, entered) = channel();
    let (bus, serving) = runtime.block_on(async {
        let bus = thriftwood::connect(url).await.expect("the bus is there");
        let serving = bus.serve("music", StoreServer::new(Shop { entered: sender })).await.expect("the shop is served");
        (bus, serving)
    });
    let url = match serving.local_addr() {
        Some(address) => url.replace("127.0.0.1:0", address),
        None => url.to_owned(),
    };
    Served { url, entered, _runtime: runtime, _bus: bus, _serving: serving }
}
