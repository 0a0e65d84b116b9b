//! `sotto-lab load`: unique requests at a given rate, at a gateway of ours or of others, straight or through a relay.
//!
//! Requests are sealed before anything is measured. Each has a time at which it is to be sent, and its latency counts from then:
//! a server that stalls is not spared the requests that came meanwhile. A sample of the answers is opened, and the proofs in them are verified.

mod arguments;
mod judge;
mod plot;
pub(crate) mod process;
mod question;
mod report;
pub(crate) mod rig;
mod sender;
mod stock;
mod tally;
mod target;

use std::io::{IsTerminal, Write, stdout};
use std::sync::Arc;
use std::time::Duration;

use anstream::AutoStream;
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use sotto_daemon::token::Token;
use sotto_daemon::{clock, roots};
use sotto_envelope::{KeyConfig, KeyConfigList};
use sotto_proof::Anchors;

pub(crate) use arguments::Arguments;
use arguments::{LoadArguments, QuestionArguments, TargetArguments, Version};
use judge::Sample;
use process::Process;
use question::{Asked, Question};
use report::{CacheLine, Document, Generation, GeneratorLine, RunLine, ServerLine, TargetLine};
use rig::{Proofs, Rig, Wanted};
use sender::{Arrivals, Live, Plan, send};
use stock::Stock;
use target::Target;

/// Streams of each HTTP/2 connection while the peak is sought: enough to keep a server busy, and too few to overload it.
const PEAK_STREAMS: u64 = 16;

/// Requests sealed and sent at once while names are asked for the first time.
const WARMING: u64 = 16_384;

/// The share of proofs that have to come from the cache for a cost to be called that of cached ones.
const HIT_SHARE: f64 = 0.999;

/// How often the display changes.
const LOOK: Duration = Duration::from_millis(100);

/// Loads a gateway and tells how it bore it.
pub(crate) async fn run(arguments: Arguments, json: bool) -> Result<()> {
    let rig = match &arguments.target.url {
        Some(_) => None,
        None => Some(
            Rig::start(Wanted {
                answer_step_ms: arguments.target.answer_step_ms,
                tls: arguments.target.tls,
                names: arguments.question.names,
                idle_connections: arguments.load.idle_connections,
            })
            .await?,
        ),
    };
    ensure!(
        rig.is_some() || arguments.question.name.is_some() || arguments.question.path.is_some(),
        "--url without a question: give --name NAME to have it proved, or --path PATH to ask any gateway for"
    );
    let session = Session::begin(&arguments, rig.as_ref()).await?;
    let idle = session.idle(arguments.load.idle_connections).await?;
    let document = session.all(&arguments, rig.as_ref()).await;
    drop(idle);
    if let Some(rig) = rig {
        rig.end().await?;
    }
    let mut out = AutoStream::auto(stdout());
    let document = document?;
    if json {
        serde_json::to_writer_pretty(&mut out, &document).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        report::page(&mut out, &document)?;
    }
    ensure!(
        document.runs.iter().any(|run| run.answered > 0),
        "nothing was answered; what came instead is above"
    );
    Ok(())
}

/// The requests of one run.
struct Batch {
    /// The index of the first, which decides the name that it asks for.
    first: u64,
    requests: u64,
    /// One answer in how many is opened.
    sample: u64,
}

/// A target that has been found to be there, and what it is asked.
struct Session {
    target: Target,
    question: Question,
    config: KeyConfig,
    anchors: Anchors,
    process: Option<Process>,
    /// Where requests are sealed: while nothing is measured, the server's core is free for it.
    cores: Vec<usize>,
}

impl Session {
    async fn begin(arguments: &Arguments, rig: Option<&Rig>) -> Result<Self> {
        let target = target(&arguments.target, rig).await?;
        let question = question(&arguments.question, &target, rig);
        let list = match &arguments.target.keys {
            Some(path) => std::fs::read(path)
                .with_context(|| format!("--keys: cannot read {}", path.display()))?
                .into(),
            None => target.key_list().await?,
        };
        let suite = arguments.question.suite;
        let config = KeyConfigList::parse(&list)
            .context("the key configurations are not usable")?
            .config(suite.suite())
            .with_context(|| {
                format!(
                    "the gateway offers no {} with HKDF-SHA256 and AES-128-GCM; try another --suite",
                    suite.name()
                )
            })?;
        let anchors = match (rig, &arguments.question.anchor) {
            (Some(rig), _) => Anchors::parse(rig.anchor())?,
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("--anchor: cannot read {}", path.display()))?;
                Anchors::parse(&text).with_context(|| format!("--anchor {}", path.display()))?
            }
            (None, None) => Anchors::iana(),
        };
        let process = rig
            .map(Rig::process)
            .or(arguments.target.server_pid)
            .map(Process);
        if let Some(process) = process {
            process.cpu_time()?;
        }
        let cores = match rig.and_then(|rig| rig.cores.as_ref()) {
            Some(cores) => [&cores.server[..], &cores.generator[..]].concat(),
            None => process::cores()?,
        };
        Ok(Self {
            target,
            question,
            config,
            anchors,
            process,
            cores,
        })
    }

    /// Opens connections that rest: each has asked once, as one that is in use has.
    async fn idle(&self, count: u64) -> Result<Vec<target::Connection>> {
        let bar = bar(count, "connections");
        let target = self.target.resting();
        let mut open = Vec::new();
        for _ in 0..count {
            open.push(target.rest().await?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(open)
    }

    async fn all(&self, arguments: &Arguments, rig: Option<&Rig>) -> Result<Document> {
        let load = &arguments.load;
        let memory = || self.process.map(Process::resident).transpose();
        let memory_before = memory()?;
        let mut first = 0;
        let mut memory_warm = None;
        if load.warm {
            first = self.warm(load, rig).await?;
            memory_warm = memory()?;
        }
        let batch = |first, requests| Batch {
            first,
            requests,
            sample: arguments.question.sample,
        };
        let requests = load.rate.saturating_mul(load.seconds);
        let mut runs = Vec::new();
        let mut goodput_of_peak = None;
        if let Some(factor) = load.overload {
            ensure!(factor > 0.0, "--overload {factor} is no load");
            let calm = LoadArguments {
                streams: load.streams.min(PEAK_STREAMS),
                ..load.clone()
            };
            let peak = self
                .once(
                    &calm,
                    Arrivals::Closed,
                    batch(first, load.peak_requests),
                    None,
                    rig,
                )
                .await?;
            let rate = peak.answered_per_second * factor;
            ensure!(
                rate >= 1.0,
                "nothing was answered, so there is no peak to overload"
            );
            first += load.peak_requests;
            let requests = (rate * load.seconds as f64) as u64;
            let plot = arguments.plot.as_deref();
            let over = self
                .once(
                    load,
                    Arrivals::Flood(rate),
                    batch(first, requests),
                    plot,
                    rig,
                )
                .await?;
            // What was answered after the last one was due is of the queue, not of the overload.
            goodput_of_peak = Some(over.answered_per_second / peak.answered_per_second);
            runs.extend([peak, over]);
        } else {
            let arrivals = if load.closed {
                Arrivals::Closed
            } else {
                Arrivals::Open(load.rate as f64)
            };
            let plot = arguments.plot.as_deref();
            runs.push(
                self.once(load, arrivals, batch(first, requests), plot, rig)
                    .await?,
            );
        }
        Ok(Document {
            schema: 1,
            target: TargetLine {
                url: self.target.url(),
                http: match self.target.version() {
                    Version::One => "1.1",
                    Version::Two => "2",
                },
                suite: arguments.question.suite.name(),
                names: self.question.names,
                connections: load.connections,
                idle_connections: load.idle_connections,
                cores: rig.and_then(|rig| rig.cores.clone()),
                memory_before,
                memory_warm,
            },
            runs,
            goodput_of_peak,
        })
    }

    /// Asks for every name once; how many requests that took.
    async fn warm(&self, load: &LoadArguments, rig: Option<&Rig>) -> Result<u64> {
        let names = self.question.names;
        let bar = bar(names, "names asked for");
        let plan = self.plan(load, Arrivals::Closed);
        for first in (0..names).step_by(WARMING as usize) {
            let count = WARMING.min(names - first);
            let stock = self
                .seal(first, count, u64::MAX, &ProgressBar::hidden())
                .await?;
            let (tally, _, _) = drive(&plan, stock, &bar).await?;
            ensure!(
                tally.answered() == count,
                "{} of {count} requests were not answered while every name was asked for once: {:?} {:?}",
                count - tally.answered(),
                tally.refused,
                tally.failed
            );
            if let Some(rig) = rig {
                rig.forget();
            }
        }
        bar.finish_and_clear();
        Ok(names)
    }

    /// One run.
    async fn once(
        &self,
        load: &LoadArguments,
        arrivals: Arrivals,
        batch: Batch,
        plot: Option<&std::path::Path>,
        rig: Option<&Rig>,
    ) -> Result<RunLine> {
        let Batch {
            first,
            requests,
            sample,
        } = batch;
        let sealing = bar(requests, "requests sealed");
        let stock = self.seal(first, requests, sample, &sealing).await?;
        sealing.finish_and_clear();
        let sealed_in = stock.sealed_in.as_secs_f64();
        let generation = Generation {
            seconds: sealed_in,
            us_each: sealed_in * 1e6 / requests.max(1) as f64,
            octets: stock.octets(),
            in_file: stock.is_in_file(),
        };
        let sending = bar(requests, "requests over");
        let proofs_before = rig.map(Rig::proofs).transpose()?;
        let this = Process(std::process::id());
        let before = self.process.map(Process::cpu_time).transpose()?;
        let our_before = this.cpu_time()?;
        let (mut tally, mut stock, took) =
            drive(&self.plan(load, arrivals), stock, &sending).await?;
        let our_spent = this.cpu_time()?.saturating_sub(our_before);
        let after = self.process.map(Process::cpu_time).transpose()?;
        let proofs = rig.map(Rig::proofs).transpose()?;
        sending.finish_and_clear();
        let (question, anchors) = (&self.question, &self.anchors);
        let now = clock::now();
        let sample = Sample::of(&mut tally, &mut stock, question, first, anchors, now);
        let offered = match arrivals {
            Arrivals::Open(rate) | Arrivals::Flood(rate) => Some(rate),
            Arrivals::Closed => None,
        };
        if let Some(path) = plot {
            plot::draw(path, &self.target.url(), &tally.latency)?;
        }
        let mut line = RunLine::of(&tally, offered, took, sample, generation);
        line.generator = GeneratorLine::of(our_spent, took);
        if let (Some(before), Some(after)) = (proofs_before, proofs) {
            line.cache = Some(cache(before, after));
            if load.warm
                && let Some(share) = line.cache.as_ref().and_then(CacheLine::hit_share)
            {
                ensure!(
                    share >= HIT_SHARE,
                    "{:.2} % of the proofs were at hand, and with --warm it has to be {} %: give fewer --names, or a machine that asks for all \
                     of them sooner",
                    100.0 * share,
                    100.0 * HIT_SHARE
                );
            }
        }
        if let (Some(process), Some(before), Some(after)) = (self.process, before, after) {
            let spent = after.saturating_sub(before).as_secs_f64();
            line.server = Some(ServerLine {
                cpu_seconds: spent,
                busy: spent / took.as_secs_f64().max(f64::EPSILON),
                us_each: spent * 1e6 / line.answered.max(1) as f64,
                memory: process.resident()?,
            });
        }
        Ok(line)
    }

    fn plan(&self, load: &LoadArguments, arrivals: Arrivals) -> Plan {
        Plan {
            target: self.target.clone(),
            arrivals,
            connections: load.connections,
            streams: load.streams,
            threads: load.threads,
            patience: Duration::from_millis(load.patience_ms),
        }
    }

    async fn seal(&self, first: u64, count: u64, sample: u64, bar: &ProgressBar) -> Result<Stock> {
        let (question, config, bar) = (self.question.clone(), self.config.clone(), bar.clone());
        let cores = self.cores.clone();
        let sealed = tokio::task::spawn_blocking(move || {
            Stock::seal(&question, &config, first, count, sample, &cores, &bar)
        });
        sealed.await.context("sealing was given up")?
    }
}

/// What the gateway sealed between two counts.
fn cache(before: Proofs, after: Proofs) -> CacheLine {
    CacheLine {
        at_hand: after.at_hand.saturating_sub(before.at_hand),
        gathered: after.gathered.saturating_sub(before.gathered),
    }
}

/// Sends a stock, and shows how far that has come.
async fn drive(
    plan: &Plan,
    stock: Stock,
    bar: &ProgressBar,
) -> Result<(tally::Tally, Stock, Duration)> {
    let (stock, live) = (Arc::new(stock), Arc::new(Live::default()));
    let mut sending = {
        let (plan, stock, live) = (plan.clone(), Arc::clone(&stock), Arc::clone(&live));
        tokio::task::spawn_blocking(move || send(&plan, &stock, &live))
    };
    let begun = bar.position();
    let sent = loop {
        tokio::select! {
            sent = &mut sending => break sent,
            () = tokio::time::sleep(LOOK) => bar.set_position(begun + live.over()),
        }
    };
    bar.set_position(begun + live.over());
    let (tally, took) = sent.context("sending was given up")??;
    let stock = Arc::try_unwrap(stock).map_err(|_| anyhow::anyhow!("a thread still sends"))?;
    Ok((tally, stock, took))
}

async fn target(arguments: &TargetArguments, rig: Option<&Rig>) -> Result<Target> {
    let (url, token_file, ca) = match (rig, &arguments.url) {
        (Some(rig), _) => (rig.url.clone(), Some(rig.token_file()), Some(rig.ca())),
        (None, url) => (
            url.clone().unwrap_or_default(),
            arguments.token_file.clone(),
            arguments.ca.clone(),
        ),
    };
    let token = token_file
        .map(|path| Token::read(&path).with_context(|| format!("--token-file {}", path.display())))
        .transpose()?;
    let tls = if url.starts_with("https") {
        roots::client_config(ca.as_deref()).context("--ca")?
    } else {
        roots::believes_nobody()
    };
    Target::new(&url, arguments.http, tls, token.as_ref()).await
}

fn question(arguments: &QuestionArguments, target: &Target, rig: Option<&Rig>) -> Question {
    let asked = match (rig, &arguments.path) {
        (None, Some(path)) => Asked::Resource {
            method: arguments.method.clone(),
            scheme: arguments.scheme.clone(),
            path: path.clone(),
        },
        _ => Asked::Proof {
            name: match rig {
                Some(rig) => rig.names(),
                None => arguments.name.clone().unwrap_or_default(),
            },
            rtype: arguments.rtype.clone(),
        },
    };
    let authority = rig.map(|rig| rig.authority().to_owned());
    Question {
        asked,
        authority: authority
            .or_else(|| arguments.authority.clone())
            .unwrap_or_else(|| target.host().to_owned()),
        names: arguments.names,
        octets: arguments.request_octets,
    }
}

/// How far something has come, on a terminal.
fn bar(length: u64, what: &str) -> ProgressBar {
    if length == 0 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    let template = format!("{{wide_bar}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
    match ProgressStyle::with_template(&template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
