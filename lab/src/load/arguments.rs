//! What `sotto-lab load` is told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sotto_envelope::Suite;

/// The command line of `sotto-lab load`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    #[command(flatten)]
    pub(crate) question: QuestionArguments,
    #[command(flatten)]
    pub(crate) load: LoadArguments,
    /// Draw the latencies by percentile into this file, as SVG.
    #[arg(long, value_name = "FILE", help_heading = "Report")]
    pub(crate) plot: Option<PathBuf>,
}

/// Whom to ask.
#[derive(Args, Debug)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArguments {
    /// The resource that takes encapsulated requests, of a gateway or of a relay in front of it; by default a gateway in a process of
    /// its own, over a private internet.
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The gateway's application/ohttp-keys list; by default what GET of the resource yields.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) keys: Option<PathBuf>,
    /// The file of the bearer token that admits to the resource.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) token_file: Option<PathBuf>,
    /// A PEM file of certification authorities to believe beside the system's.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) ca: Option<PathBuf>,
    /// The server's process, to tell its CPU time and memory.
    #[arg(long, value_name = "PID", requires = "url")]
    pub(crate) server_pid: Option<u32>,
    /// Milliseconds between the instants at which answers leave the gateway that is started here; with 0 they leave when they are ready.
    #[arg(long, value_name = "MS", default_value_t = 0, conflicts_with = "url")]
    pub(crate) answer_step_ms: u64,
    /// Have TLS on the way to the gateway that is started here.
    #[arg(long, conflicts_with = "url")]
    pub(crate) tls: bool,
    /// The version of HTTP to speak.
    #[arg(long, value_enum, default_value_t = Version::One)]
    pub(crate) http: Version,
}

/// What to ask.
#[derive(Args, Debug)]
#[command(next_help_heading = "Question")]
pub(crate) struct QuestionArguments {
    /// The owner name to have proved; {n} in it stands for the number of the name.
    #[arg(long, value_name = "NAME", requires = "url")]
    pub(crate) name: Option<String>,
    /// The type to have proved.
    #[arg(long = "type", value_name = "TYPE", default_value = "TXT")]
    pub(crate) rtype: String,
    /// The host of the gateway, as it stands in requests; by default that of the URL.
    #[arg(long, value_name = "HOST", requires = "url")]
    pub(crate) authority: Option<String>,
    /// The path to ask for inside the envelope in place of a proof, of any gateway; {n} in it stands for a number.
    #[arg(long, value_name = "PATH", requires = "url", conflicts_with_all = ["name", "rtype", "anchor"])]
    pub(crate) path: Option<String>,
    /// The method inside the envelope.
    #[arg(long, value_name = "METHOD", default_value = "GET", requires = "path")]
    pub(crate) method: String,
    /// The scheme inside the envelope.
    #[arg(
        long,
        value_name = "SCHEME",
        default_value = "https",
        requires = "path"
    )]
    pub(crate) scheme: String,
    /// How many names take turns.
    #[arg(long, value_name = "COUNT", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) names: u64,
    /// The cipher suite.
    #[arg(long, value_enum, default_value_t = SuiteArgument::XWing)]
    pub(crate) suite: SuiteArgument,
    /// Octets of each encapsulated request.
    #[arg(long, value_name = "OCTETS", default_value_t = sotto_wire::REQUEST_BYTES)]
    pub(crate) request_octets: usize,
    /// DS or DNSKEY lines of the root to verify proofs by; by default the IANA root.
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) anchor: Option<PathBuf>,
    /// Open one answer of so many, and verify the proof in it.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) sample: u64,
}

/// How much.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArguments {
    /// Requests in a second, whether the server keeps up or not.
    #[arg(long, value_name = "RATE", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) rate: u64,
    /// How long.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: u64,
    /// Send the next request as soon as there is an answer, instead: so many requests as --rate and --seconds come to.
    #[arg(long)]
    pub(crate) closed: bool,
    /// Find the peak first, each request sent as soon as an earlier one is answered, then send this many times the peak for --seconds.
    #[arg(long, value_name = "FACTOR", conflicts_with = "closed")]
    pub(crate) overload: Option<f64>,
    /// Requests that find the peak.
    #[arg(long, value_name = "COUNT", default_value_t = 40_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) peak_requests: u64,
    /// Connections.
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) connections: u64,
    /// Requests under way at once on each connection over HTTP/2.
    #[arg(long, value_name = "COUNT", default_value_t = 128, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) streams: u64,
    /// HTTP/2 connections beside, that rest.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) idle_connections: u64,
    /// Threads that send.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) threads: u64,
    /// Milliseconds after which a request without an answer is given up.
    #[arg(long, value_name = "MS", default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) patience_ms: u64,
    /// Ask for every name once before anything counts, so that the gateway has it at hand.
    #[arg(long)]
    pub(crate) warm: bool,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Version {
    /// HTTP/1.1.
    #[value(name = "1")]
    One,
    /// HTTP/2.
    #[value(name = "2")]
    Two,
}

/// A cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SuiteArgument {
    /// ML-KEM-768 and X25519, as our client.
    #[value(name = "xwing")]
    XWing,
    /// X25519, as most others.
    #[value(name = "x25519")]
    X25519,
}

impl SuiteArgument {
    /// The suite.
    pub(crate) const fn suite(self) -> Suite {
        match self {
            Self::XWing => Suite::XWing,
            Self::X25519 => Suite::X25519,
        }
    }

    /// The name, as it is given.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::XWing => "X-Wing",
            Self::X25519 => "X25519",
        }
    }
}
