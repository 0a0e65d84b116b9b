//! The relays that are compared, each a process of its own.

use std::{
    convert::Infallible,
    env, fs,
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use http::{Request, header};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use sotto_relay::Relay;
use sotto_wire::path;
use tempfile::TempDir;
use tokio::{net::TcpListener, runtime};

const GATEWAY: &str = "gateway.example";

/// Where Debian keeps daemons, which an ordinary user's PATH lacks.
const DAEMONS: &str = "/usr/sbin";

/// How long a peer may take to answer: so many times this pause.
const READY_ATTEMPTS: u32 = 100;
const READY_PAUSE: Duration = Duration::from_millis(50);

/// Which relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A reverse proxy of a few lines over hyper: the floor.
    Bare,
    /// Ours.
    Sotto,
    /// Ours, over HTTP/2 to the gateway.
    SottoHttp2,
    /// nginx as a reverse proxy that passes content and media type alone.
    Nginx,
    /// payjoin's relay.
    Payjoin,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Bare,
        Self::Sotto,
        Self::SottoHttp2,
        Self::Nginx,
        Self::Payjoin,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "a bare hyper reverse proxy",
            Self::Sotto => "sotto-relay",
            Self::SottoHttp2 => "sotto-relay, HTTP/2 to the gateway",
            Self::Nginx => "nginx",
            Self::Payjoin => "ohttp-relay 0.0.11",
        }
    }

    /// The ratio to the floor that we aim at.
    pub(crate) const fn target(self) -> Option<f64> {
        match self {
            Self::Sotto => Some(1.3),
            _ => None,
        }
    }

    /// The word by which this program is told to be one of the peers.
    const fn role(self) -> Option<&'static str> {
        match self {
            Self::Bare => Some("serve-bare"),
            Self::Sotto => Some("serve-sotto"),
            Self::SottoHttp2 => Some("serve-sotto-http2"),
            Self::Nginx | Self::Payjoin => None,
        }
    }

    pub(crate) fn served_here(role: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.role() == Some(role))
    }
}

/// A relay that serves.
pub(crate) struct Peer {
    kind: Kind,
    process: Child,
    url: String,
    _place: Option<TempDir>,
}

impl Peer {
    /// Starts one in front of the gateway at `origin`.
    pub(crate) fn start(kind: Kind, origin: SocketAddr) -> Result<Self> {
        match (kind, kind.role()) {
            (_, Some(role)) => {
                let mut process = Command::new(env::current_exe()?)
                    .args([role, &origin.to_string()])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()?;
                let mut address = String::new();
                let said = process.stdout.take().context("there is a pipe")?;
                BufReader::new(said).read_line(&mut address)?;
                let url = format!("http://{}/{GATEWAY}", address.trim());
                Ok(Self {
                    kind,
                    process,
                    url,
                    _place: None,
                })
            }
            (Kind::Nginx, None) => Self::nginx(origin),
            (_, None) => Self::payjoin(origin),
        }
    }

    fn nginx(origin: SocketAddr) -> Result<Self> {
        let program = find("nginx", "`apt install nginx` or scripts/test provides it")?;
        let place = tempfile::tempdir()?;
        let address = free()?;
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let config = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nevents {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\n{temporary}\
             keepalive_requests 1000000;\nupstream gateway {{ server {origin}; keepalive 64; keepalive_requests 1000000; }}\n\
             server {{\nlisten {address};\nlocation / {{\nproxy_pass http://gateway{};\nproxy_http_version 1.1;\n\
             proxy_pass_request_headers off;\nproxy_set_header Connection \"\";\n\
             proxy_set_header Content-Type $content_type;\nproxy_buffers 4 16k;\n}}\n}}\n}}\n",
            path::GATEWAY
        );
        fs::write(place.path().join("nginx.conf"), config)?;
        let process = Command::new(program)
            .arg("-p")
            .arg(place.path())
            .args(["-c", "nginx.conf", "-e", "stderr"])
            .stdin(Stdio::null())
            .spawn()?;
        Self::ready(Kind::Nginx, process, address, Some(place))
    }

    fn payjoin(origin: SocketAddr) -> Result<Self> {
        let program = find(
            "ohttp-relay",
            "`cargo install ohttp-relay --version 0.0.11 --locked` provides it",
        )?;
        let address = free()?;
        let process = Command::new(program)
            .env("PORT", address.port().to_string())
            .env("GATEWAY_ORIGIN", format!("http://{origin}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Self::ready(Kind::Payjoin, process, address, None)
    }

    fn ready(
        kind: Kind,
        process: Child,
        address: SocketAddr,
        place: Option<TempDir>,
    ) -> Result<Self> {
        let peer = Self {
            kind,
            process,
            url: format!("http://{address}/"),
            _place: place,
        };
        for _ in 0..READY_ATTEMPTS {
            if TcpStream::connect(address).is_ok() {
                return Ok(peer);
            }
            thread::sleep(READY_PAUSE);
        }
        bail!("it does not answer")
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Where envelopes are posted to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The CPU time of all its threads so far.
    pub(crate) fn spent(&self) -> Result<Duration> {
        let process = Pid::from_raw(self.process.id().try_into()?);
        Ok(clock_gettime(clock_getcpuclockid(process)?)?.into())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An address that was free a moment ago.
fn free() -> Result<SocketAddr> {
    Ok(StdListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn find(program: &str, remedy: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cargo = env::var_os("CARGO_HOME").map(|home| Path::new(&home).join("bin"));
    env::split_paths(&path)
        .chain([PathBuf::from(DAEMONS)])
        .chain(cargo)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .with_context(|| format!("not installed; {remedy}"))
}

/// Serves as one of the peers until standard input ends, which is when the benchmark does.
pub(crate) fn serve(kind: Kind, origin: SocketAddr) -> Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    thread::spawn(|| {
        // It ends with the other process, however that ends.
        let _ = std::io::stdin().lines().count();
        std::process::exit(0);
    });
    runtime.block_on(async {
        let _keep;
        let address = match kind {
            Kind::Sotto | Kind::SottoHttp2 => {
                let running = Relay::start(config(origin, kind == Kind::SottoHttp2)?, None).await?;
                let address = running.address;
                _keep = running;
                address
            }
            _ => bare(origin).await?,
        };
        println!("{address}");
        std::future::pending().await
    })
}

fn config(origin: SocketAddr, plain_http2: bool) -> Result<sotto_relay::Config> {
    Ok(toml::from_str(&format!(
        "operator = \"relay.example\"\ncontact = \"mailto:noc@relay.example\"\n\
         quota = {{ per_minute = 0 }}\n\
         [listen]\naddress = \"127.0.0.1:0\"\nplain_http = true\n\
         [[gateway]]\nhost = \"{GATEWAY}\"\nurl = \"http://{origin}\"\nplain_http2 = {plain_http2}\n"
    ))?)
}

/// A reverse proxy: the request goes on as it came, and the answer comes back.
async fn bare(origin: SocketAddr) -> Result<SocketAddr> {
    let client: Client<HttpConnector, Incoming> =
        Client::builder(TokioExecutor::new()).build_http();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            let client = client.clone();
            tokio::spawn(async move {
                let service = service_fn(move |mut request: Request<Incoming>| {
                    let client = client.clone();
                    async move {
                        let uri = format!("http://{origin}{}", path::GATEWAY);
                        *request.uri_mut() = uri.parse().expect("a URI of an address and a path");
                        request.headers_mut().remove(header::HOST);
                        let answer = client.request(request).await;
                        Ok::<_, Infallible>(answer.expect("the gateway answers"))
                    }
                });
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    Ok(address)
}
