//! What `sotto-lab load` says at the end.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anstyle::Style;
use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::judge::Sample;
use super::rig::Cores;
use super::tally::Tally;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// The percentiles in a report.
const PERCENTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

/// What `--json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Document {
    pub(crate) schema: u32,
    pub(crate) target: TargetLine,
    /// The runs in their order: one, or with `--overload` the one that finds the peak, then the overload.
    pub(crate) runs: Vec<RunLine>,
    /// With `--overload`: what was answered in a second of the peak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) goodput_of_peak: Option<f64>,
}

/// Whom the load was for.
#[derive(Debug, Serialize)]
pub(crate) struct TargetLine {
    pub(crate) url: String,
    pub(crate) http: &'static str,
    pub(crate) suite: &'static str,
    pub(crate) names: u64,
    pub(crate) connections: u64,
    pub(crate) idle_connections: u64,
    pub(crate) cores: Option<Cores>,
    /// Octets of memory of the server's process, before anything was asked.
    pub(crate) memory_before: Option<u64>,
    /// The same once every name was asked for, with `--warm`.
    pub(crate) memory_warm: Option<u64>,
}

/// One run.
#[derive(Debug, Serialize)]
pub(crate) struct RunLine {
    pub(crate) arrivals: &'static str,
    /// Requests in a second that were to be sent; `None` if each waited for an answer.
    pub(crate) offered: Option<f64>,
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) answered: u64,
    pub(crate) answered_per_second: f64,
    /// Answers by their octets.
    pub(crate) answers: BTreeMap<usize, u64>,
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) failed: BTreeMap<&'static str, u64>,
    /// Of answers, from the intended time.
    pub(crate) latency_us: Latency,
    /// Of refusals, from the intended time.
    pub(crate) refusal_us: Latency,
    pub(crate) sample: Sample,
    pub(crate) generation: Generation,
    pub(crate) generator: GeneratorLine,
    pub(crate) server: Option<ServerLine>,
    /// What the gateway says of its cache, if it was started here.
    pub(crate) cache: Option<CacheLine>,
}

/// Microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) mean: f64,
    pub(crate) max: u64,
    pub(crate) percentiles: BTreeMap<&'static str, u64>,
}

/// What it took to seal the requests.
#[derive(Debug, Serialize)]
pub(crate) struct Generation {
    pub(crate) seconds: f64,
    pub(crate) us_each: f64,
    pub(crate) octets: u64,
    pub(crate) in_file: bool,
}

/// What sending cost.
#[derive(Debug, Default, Serialize)]
pub(crate) struct GeneratorLine {
    pub(crate) cpu_seconds: f64,
    /// CPU seconds by second. Near one for each thread it was the generator that could do no more.
    pub(crate) busy: f64,
}

impl GeneratorLine {
    /// Of the CPU time `spent` while requests were under way for so long.
    pub(crate) fn of(spent: Duration, took: Duration) -> Self {
        Self {
            cpu_seconds: spent.as_secs_f64(),
            busy: spent.as_secs_f64() / took.as_secs_f64().max(f64::EPSILON),
        }
    }
}

/// Proofs that the gateway sealed.
#[derive(Debug, Serialize)]
pub(crate) struct CacheLine {
    /// Those that were in its cache.
    pub(crate) at_hand: u64,
    /// Those that it had to ask for.
    pub(crate) gathered: u64,
}

impl CacheLine {
    /// The share that was at hand; `None` if there was no proof.
    pub(crate) fn hit_share(&self) -> Option<f64> {
        let all = self.at_hand + self.gathered;
        (all > 0).then(|| self.at_hand as f64 / all as f64)
    }
}

/// What the run cost the server.
#[derive(Debug, Serialize)]
pub(crate) struct ServerLine {
    pub(crate) cpu_seconds: f64,
    /// CPU seconds by second.
    pub(crate) busy: f64,
    /// CPU time by answer, in microseconds.
    pub(crate) us_each: f64,
    /// Octets of memory at the end.
    pub(crate) memory: u64,
}

impl Latency {
    /// Of a histogram of microseconds.
    pub(crate) fn of(histogram: &Histogram<u64>) -> Self {
        Self {
            count: histogram.len(),
            mean: histogram.mean(),
            max: histogram.max(),
            percentiles: PERCENTILES
                .map(|(name, quantile)| (name, histogram.value_at_quantile(quantile)))
                .into(),
        }
    }
}

impl RunLine {
    /// What was counted; cost, sample and generation come later.
    pub(crate) fn of(
        tally: &Tally,
        offered: Option<f64>,
        took: Duration,
        sample: Sample,
        generation: Generation,
    ) -> Self {
        let seconds = took.as_secs_f64();
        Self {
            arrivals: if offered.is_some() { "open" } else { "closed" },
            offered,
            requests: tally.answered() + tally.refused() + tally.failed(),
            seconds,
            answered: tally.answered(),
            answered_per_second: tally.answered() as f64 / seconds.max(f64::EPSILON),
            answers: tally.answers.clone(),
            refused: tally
                .refused
                .iter()
                .map(|((status, reason), count)| (format!("{status} {reason}"), *count))
                .collect(),
            failed: tally
                .failed
                .iter()
                .map(|(failure, count)| (failure.label(), *count))
                .collect(),
            latency_us: Latency::of(&tally.latency),
            refusal_us: Latency::of(&tally.refusal),
            sample,
            generation,
            generator: GeneratorLine::default(),
            server: None,
            cache: None,
        }
    }
}

/// Writes a report for a person.
pub(crate) fn page(out: &mut impl Write, document: &Document) -> Result<()> {
    let target = &document.target;
    writeln!(
        out,
        "{BOLD}{}{BOLD:#} over HTTP/{}, {}, {} names, {} connections{}",
        target.url,
        target.http,
        target.suite,
        target.names,
        target.connections,
        match target.idle_connections {
            0 => String::new(),
            idle => format!(" and {idle} idle ones"),
        }
    )?;
    if let Some(cores) = &target.cores {
        line(
            out,
            "cores",
            &format!("server {:?}, generator {:?}", cores.server, cores.generator),
        )?;
    }
    if let (Some(before), Some(warm)) = (target.memory_before, target.memory_warm) {
        let each = warm.saturating_sub(before) / target.names;
        let text = format!(
            "{} MiB before, {} MiB with every name at hand: {each} octets a name",
            before >> 20,
            warm >> 20
        );
        line(out, "memory", &text)?;
    }
    for run in &document.runs {
        writeln!(out)?;
        run_page(out, run)?;
    }
    if let Some(share) = document.goodput_of_peak {
        writeln!(out)?;
        line(
            out,
            "goodput",
            &format!("{:.1} % of the peak", 100.0 * share),
        )?;
    }
    Ok(())
}

fn run_page(out: &mut impl Write, run: &RunLine) -> Result<()> {
    let offered = run.offered.map_or_else(
        || "each as soon as an earlier one is answered".to_owned(),
        |rate| format!("{rate:.0} a second, whether answered or not"),
    );
    writeln!(out, "{BOLD}{} requests{BOLD:#}, {offered}", run.requests)?;
    let sizes: Vec<_> = run
        .answers
        .iter()
        .map(|(octets, count)| format!("{count} of {octets} octets"))
        .collect();
    line(
        out,
        "answered",
        &format!(
            "{} in {:.1} s, {:.0} a second ({})",
            run.answered,
            run.seconds,
            run.answered_per_second,
            sizes.join(", ")
        ),
    )?;
    for (what, count) in &run.refused {
        line(out, "refused", &format!("{count} times {what}"))?;
    }
    for (what, count) in &run.failed {
        line(out, "failed", &format!("{count} times {what}"))?;
    }
    for (what, latency) in [
        ("latency", &run.latency_us),
        ("refusal after", &run.refusal_us),
    ] {
        if latency.count > 0 {
            line(out, what, &latency_text(latency))?;
        }
    }
    let inside: Vec<_> = run
        .sample
        .inside
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    line(
        out,
        "opened",
        &format!(
            "{}: {}; content of {} octets at most",
            run.sample.answers,
            inside.join(", "),
            run.sample.largest_content
        ),
    )?;
    for (complaint, count) in &run.sample.complaints {
        line(out, "", &format!("{count} times: {complaint}"))?;
    }
    if let Some(server) = &run.server {
        line(
            out,
            "server",
            &format!(
                "{:.1} us CPU an answer, {:.2} s in all, {:.0} % of a core, {} MiB",
                server.us_each,
                server.cpu_seconds,
                100.0 * server.busy,
                server.memory >> 20
            ),
        )?;
    }
    line(
        out,
        "generator",
        &format!(
            "{:.2} s CPU, {:.0} % of a core",
            run.generator.cpu_seconds,
            100.0 * run.generator.busy
        ),
    )?;
    if let Some(cache) = &run.cache {
        let text = format!(
            "{} proofs at hand, {} gathered",
            cache.at_hand, cache.gathered
        );
        line(out, "cache", &text)?;
    }
    let place = if run.generation.in_file {
        "a file"
    } else {
        "memory"
    };
    line(
        out,
        "sealing",
        &format!(
            "{:.1} s before, {:.0} us each, {} MiB in {place}",
            run.generation.seconds,
            run.generation.us_each,
            run.generation.octets >> 20
        ),
    )
}

fn latency_text(latency: &Latency) -> String {
    let percentiles = latency
        .percentiles
        .iter()
        .map(|(name, microseconds)| format!("{name} {}", milliseconds(*microseconds)));
    let all: Vec<_> = percentiles
        .chain([format!("max {} ms", milliseconds(latency.max))])
        .collect();
    all.join(", ")
}

fn milliseconds(microseconds: u64) -> String {
    format!("{:.2}", microseconds as f64 / 1_000.0)
}

fn line(out: &mut impl Write, what: &str, text: &str) -> Result<()> {
    Ok(writeln!(out, "    {DIM}{what:<15}{DIM:#}{text}")?)
}
