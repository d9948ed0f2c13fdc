//! The echo over tonic: prost, HTTP/2 in the clear, with the defaults of both ends; written as tonic's generator writes it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context as TaskContext, Poll};

use thriftwood::BoxFuture;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

/// The message that is echoed: the same fields as `Note` of `idl/echo.frugal`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Note {
    #[prost(int64, tag = "1")]
    pub id: i64,
    #[prost(int32, tag = "2")]
    pub kind: i32,
    #[prost(string, tag = "3")]
    pub author: String,
    #[prost(string, tag = "4")]
    pub text: String,
}

#[derive(Clone)]
struct Mirror;

impl NamedService for Mirror {
    const NAME: &'static str = "bench.Echo";
}

/// The one method.
struct Method;

impl Service<Request<Note>> for Method {
    type Response = Response<Note>;
    type Error = Status;
    type Future = Ready<Result<Response<Note>, Status>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Note>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

impl Service<http::Request<Body>> for Mirror {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(tonic::server::Grpc::new(ProstCodec::default()).unary(Method, request).await) })
    }
}

/// Serves at a port that the system chooses, and tells it.
pub async fn serve(tell: impl FnOnce(u16)) {
    let address = "127.0.0.1:0".parse().expect("an address");
    let incoming = TcpIncoming::bind(address).expect("a port is free").with_nodelay(Some(true));
    tell(incoming.local_addr().expect("it is bound").port());
    Server::builder().add_service(Mirror).serve_with_incoming(incoming).await.expect("it serves");
}

/// A client, which any number of callers may clone.
#[derive(Clone)]
pub struct Client(Channel);

impl Client {
    pub async fn connect(port: u16) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("a URL");
        Self(endpoint.tcp_nodelay(true).connect().await.expect("it listens"))
    }

    /// Sends a note and waits until it comes back.
    pub async fn echo(&self, note: Note) -> Note {
        let mut grpc = tonic::client::Grpc::new(self.0.clone());
        grpc.ready().await.expect("it is connected");
        let path = PathAndQuery::from_static("/bench.Echo/Echo");
        let codec: ProstCodec<Note, Note> = ProstCodec::default();
        grpc.unary(Request::new(note), path, codec).await.expect("the server answers every call").into_inner()
    }
}
