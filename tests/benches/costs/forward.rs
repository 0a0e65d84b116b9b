//! Forwarding one envelope, beside a reverse proxy that does nothing else.
//!
//! Both run on a thread of their own and are measured by that thread's CPU time; client and
//! gateway are the same for both, and speak plain HTTP/1.1 over loopback.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sotto_relay::Relay;
use sotto_wire::{AnswerClass, REQUEST_BYTES, media, path};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};

use super::clock::thread_time;
use crate::Row;

const GATEWAY: &str = "gateway.example";

/// Requests of one round; the two proxies take turns.
const REQUESTS: u32 = 2_000;
const ROUNDS: usize = 7;

type Http = Client<HttpConnector, Full<Bytes>>;

pub(crate) fn rows() -> Result<Vec<Row>> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let origin = serve(|_| async { gateway_answer() }).await?;
        let bare = Proxy::start(Kind::Bare, origin).await?;
        let relay = Proxy::start(Kind::Relay, origin).await?;
        let client: Http = Client::builder(TokioExecutor::new()).build_http();
        let (mut bare_costs, mut relay_costs) = (Vec::new(), Vec::new());
        for round in 0..=ROUNDS {
            let bare_cost = round_of(&client, &bare).await?;
            let relay_cost = round_of(&client, &relay).await?;
            // The first round warms up.
            if round > 0 {
                bare_costs.push(bare_cost);
                relay_costs.push(relay_cost);
            }
        }
        let median = |mut costs: Vec<f64>| {
            costs.sort_by(f64::total_cmp);
            costs[costs.len() / 2]
        };
        Ok(vec![Row {
            operation: "forward an envelope and its answer",
            cost: median(relay_costs),
            floor: "a bare hyper reverse proxy",
            floor_cost: median(bare_costs),
            target: Some(1.3),
        }])
    })
}

/// Sends one round through a proxy; the proxy's CPU time for a request, in microseconds.
async fn round_of(client: &Http, proxy: &Proxy) -> Result<f64> {
    let uri = format!("http://{}/{GATEWAY}", proxy.address);
    let before = proxy.time().await?;
    for _ in 0..REQUESTS {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&uri)
            .header(header::CONTENT_TYPE, media::OHTTP_REQUEST)
            .body(Full::from(Bytes::from_static(&[0; REQUEST_BYTES])))?;
        let response = client.request(request).await?;
        ensure!(
            response.status() == StatusCode::OK,
            "status {}",
            response.status()
        );
        let answer = response.into_body().collect().await?.to_bytes();
        ensure!(answer.len() == AnswerClass::Base.bytes());
    }
    let spent = proxy.time().await? - before;
    Ok(spent.as_secs_f64() * 1e6 / f64::from(REQUESTS))
}

enum Kind {
    Bare,
    Relay,
}

/// A proxy on a thread of its own.
struct Proxy {
    address: SocketAddr,
    ask: mpsc::Sender<oneshot::Sender<Duration>>,
}

impl Proxy {
    async fn start(kind: Kind, origin: SocketAddr) -> Result<Self> {
        let (ask, mut asked) = mpsc::channel::<oneshot::Sender<Duration>>(1);
        let (ready, address) = oneshot::channel();
        thread::spawn(move || -> Result<()> {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let _keep;
                let address = match kind {
                    Kind::Bare => bare(origin).await?,
                    Kind::Relay => {
                        let running = Relay::start(relay_config(origin)?, None).await?;
                        let address = running.address;
                        _keep = running;
                        address
                    }
                };
                ready
                    .send(address)
                    .ok()
                    .context("the benchmark went away")?;
                while let Some(answer) = asked.recv().await {
                    answer.send(thread_time()).ok();
                }
                Ok(())
            })
        });
        let address = address.await.context("the proxy did not start")?;
        Ok(Self { address, ask })
    }

    async fn time(&self) -> Result<Duration> {
        let (answer, time) = oneshot::channel();
        self.ask.send(answer).await?;
        Ok(time.await?)
    }
}

fn relay_config(origin: SocketAddr) -> Result<sotto_relay::Config> {
    Ok(toml::from_str(&format!(
        "operator = \"relay.example\"\ncontact = \"mailto:noc@relay.example\"\n\
         [listen]\naddress = \"127.0.0.1:0\"\nplain_http = true\n\
         [[gateway]]\nhost = \"{GATEWAY}\"\nurl = \"http://{origin}\"\n"
    ))?)
}

/// A reverse proxy: the request goes on as it came, and the answer comes back.
async fn bare(origin: SocketAddr) -> Result<SocketAddr> {
    let client: Client<HttpConnector, Incoming> =
        Client::builder(TokioExecutor::new()).build_http();
    serve(move |mut request: Request<Incoming>| {
        let client = client.clone();
        async move {
            let uri = format!("http://{origin}{}", path::GATEWAY);
            *request.uri_mut() = uri.parse().expect("a URI of an address and a path");
            request.headers_mut().remove(header::HOST);
            client.request(request).await.expect("the origin answers")
        }
    })
    .await
}

/// The origin's only answer, to whatever it is asked: as long as an honest one.
fn gateway_answer() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(Bytes::from_static(
        &[0; AnswerClass::Base.bytes()],
    )));
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static(media::OHTTP_RESPONSE),
    );
    response
}

/// Serves HTTP/1.1 on a loopback port for as long as the runtime lives.
async fn serve<F, A, B>(answer: F) -> Result<SocketAddr>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Response<B>> + Send,
    B: hyper::body::Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            let answer = answer.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let answer = answer.clone();
                    async move { Ok::<_, Infallible>(answer(request).await) }
                });
                let io = TokioIo::new(stream);
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(io, service)
                    .await
                    .ok();
            });
        }
    });
    Ok(address)
}
