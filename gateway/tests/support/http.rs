//! What a relay sends.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sotto_wire::{Problem, media, path};

use super::TOKEN;

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Bytes,
}

impl Answer {
    pub(crate) fn media_type(&self) -> &str {
        self.headers[header::CONTENT_TYPE].to_str().unwrap()
    }

    /// The problem document that the answer is.
    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.media_type(), media::PROBLEM);
        Problem::from_json(&self.content).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.content).into_owned()
    }
}

pub(crate) async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    content: &[u8],
) -> Answer {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request
        .body(Full::new(Bytes::copy_from_slice(content)))
        .unwrap();
    let answering = tokio::time::timeout(Duration::from_secs(20), client.request(request));
    let (head, body) = answering.await.unwrap().unwrap().into_parts();
    Answer {
        status: head.status,
        headers: head.headers,
        content: body.collect().await.unwrap().to_bytes(),
    }
}

pub(crate) fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

/// GET as the listed relay.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    send(
        address,
        Method::GET,
        path,
        &[("authorization", &bearer())],
        b"",
    )
    .await
}

/// POST of an envelope as the listed relay.
pub(crate) async fn post(address: SocketAddr, envelope: &[u8]) -> Answer {
    let headers = [
        ("authorization", bearer()),
        ("content-type", media::OHTTP_REQUEST.to_owned()),
    ];
    let headers = headers
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    send(address, Method::POST, path::GATEWAY, &headers, envelope).await
}
