//! The client and the gateway, the same for every peer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use sotto_wire::{AnswerClass, REQUEST_BYTES, media};
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    task::JoinSet,
};

/// A client and a gateway that answers whatever it is asked with a sealed answer of the usual size.
pub(crate) struct Load {
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    origin: SocketAddr,
    sent: AtomicU64,
}

impl Load {
    pub(crate) fn start() -> Result<Self> {
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let origin = runtime.block_on(gateway())?;
        let client = runtime.block_on(async { Client::builder(TokioExecutor::new()).build_http() });
        Ok(Self {
            runtime,
            client,
            origin,
            sent: AtomicU64::new(0),
        })
    }

    /// Where the gateway is: HTTP/1.1, and HTTP/2 for those who know.
    pub(crate) fn origin(&self) -> SocketAddr {
        self.origin
    }

    /// Sends `requests`, `concurrency` at a time, and wants a good answer to each.
    pub(crate) fn round(&self, url: &str, requests: u64, concurrency: usize) -> Result<()> {
        self.runtime.block_on(async {
            let mut under_way = JoinSet::new();
            for _ in 0..requests {
                if under_way.len() == concurrency
                    && let Some(done) = under_way.join_next().await
                {
                    done??;
                }
                under_way.spawn(exchange(self.client.clone(), self.envelope(url)?));
            }
            while let Some(done) = under_way.join_next().await {
                done??;
            }
            Ok(())
        })
    }

    /// A request whose content equals that of no other: a relay of ours refuses what goes round.
    fn envelope(&self, url: &str) -> Result<Request<Full<Bytes>>> {
        let mut content = vec![0; REQUEST_BYTES];
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        content[..8].copy_from_slice(&number.to_be_bytes());
        Ok(Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(header::CONTENT_TYPE, media::OHTTP_REQUEST)
            .body(Full::from(content))?)
    }
}

async fn exchange(
    client: Client<HttpConnector, Full<Bytes>>,
    request: Request<Full<Bytes>>,
) -> Result<()> {
    let response = client.request(request).await?;
    let status = response.status();
    ensure!(status == StatusCode::OK, "status {status}");
    let answer = response.into_body().collect().await?.to_bytes();
    ensure!(answer.len() == AnswerClass::Base.bytes(), "another size");
    Ok(())
}

async fn gateway() -> Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| async {
                    // A request that is not read to its end would cost the connection.
                    request.into_body().collect().await.ok();
                    Ok::<_, Infallible>(answer())
                });
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    Ok(address)
}

fn answer() -> Response<Full<Bytes>> {
    let content = Bytes::from_static(&[0; AnswerClass::Base.bytes()]);
    let mut response = Response::new(Full::from(content));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(media::OHTTP_RESPONSE),
    );
    response
}

/// A count as a number to divide by.
pub(crate) fn as_f64(count: u64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = count as f64;
    count
}
