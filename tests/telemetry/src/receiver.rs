//! A collector: takes OTLP over HTTP on a free loopback port, and keeps what it was sent.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

/// A span, and the name of the service it came from.
#[derive(Clone, Debug)]
pub struct Received {
    /// `service.name` of the resource.
    pub service: String,
    /// As it was sent.
    pub span: Span,
}

/// A running collector; it ends with the test's runtime.
#[derive(Clone, Debug)]
pub struct Receiver {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    spans: Vec<Received>,
    metrics: Vec<Metric>,
    headers: Vec<String>,
}

impl Receiver {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), kept: Arc::default() };
        let serving = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = serving.clone();
                let service = service_fn(move |request| {
                    let receiver = receiver.clone();
                    async move { Ok::<_, Infallible>(receiver.take(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        receiver
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The spans that came, as they began.
    pub fn spans(&self) -> Vec<Received> {
        let mut spans = self.kept.lock().unwrap().spans.clone();
        spans.sort_by_key(|received| received.span.start_time_unix_nano);
        spans
    }

    /// The metrics that came, by name; of several reports the last.
    pub fn metrics(&self) -> HashMap<String, Metric> {
        self.kept.lock().unwrap().metrics.iter().map(|metric| (metric.name.clone(), metric.clone())).collect()
    }

    /// The values of the header `x-key` that came.
    pub fn keys(&self) -> Vec<String> {
        self.kept.lock().unwrap().headers.clone()
    }

    async fn take(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let key = request.headers().get("x-key").and_then(|key| key.to_str().ok()).map(str::to_owned);
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let mut kept = self.kept.lock().unwrap();
        kept.headers.extend(key);
        let status = match &*path {
            "/v1/traces" => {
                for spans in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
                    let service = attribute(&spans.resource.unwrap_or_default().attributes, "service.name");
                    let spans = spans.scope_spans.into_iter().flat_map(|scope| scope.spans);
                    kept.spans.extend(spans.map(|span| Received { service: service.clone(), span }));
                }
                StatusCode::OK
            }
            "/v1/metrics" => {
                let metrics = ExportMetricsServiceRequest::decode(body).unwrap().resource_metrics;
                let scopes = metrics.into_iter().flat_map(|metrics| metrics.scope_metrics);
                kept.metrics.extend(scopes.flat_map(|scope| scope.metrics));
                StatusCode::OK
            }
            _ => StatusCode::NOT_FOUND,
        };
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response
    }
}

/// An attribute as text; empty when it is not there.
pub fn attribute(attributes: &[KeyValue], name: &str) -> String {
    let value = attributes.iter().find(|attribute| attribute.key == name).and_then(|found| found.value.as_ref());
    match value {
        Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => text.clone(),
        Some(AnyValue { value: Some(any_value::Value::IntValue(number)) }) => number.to_string(),
        _ => String::new(),
    }
}

/// For each series of a metric: its attributes, and how many values were recorded or what their sum is.
pub fn series(metric: &Metric) -> Vec<(&[KeyValue], i64)> {
    match metric.data.as_ref() {
        Some(metric::Data::Histogram(histogram)) => {
            let points = histogram.data_points.iter();
            points.map(|point| (&*point.attributes, i64::try_from(point.count).unwrap())).collect()
        }
        Some(metric::Data::Sum(sum)) => {
            let value = |value| match value {
                Some(number_data_point::Value::AsInt(number)) => number,
                other => panic!("{other:?} is no whole number"),
            };
            sum.data_points.iter().map(|point| (&*point.attributes, value(point.value))).collect()
        }
        other => panic!("{} has {other:?}", metric.name),
    }
}
