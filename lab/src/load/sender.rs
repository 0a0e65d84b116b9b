//! Threads that send, each with its own runtime, connections and counts, so that they share nothing while it matters.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use sotto_daemon::clock::Stopwatch;
use sotto_wire::{Problem, media};
use tokio::runtime;
use tokio::sync::{Mutex, Notify};
use tokio::task::{LocalSet, yield_now};
use tokio::time::{sleep, timeout};

use super::arguments::Version;
use super::stock::Stock;
use super::tally::{Failure, Outcome, Tally};
use super::target::{ANSWER_MAX_BYTES, Connection, Target, is_of_type};

/// How long before its time a request is awaited by looking again and again: tokio's timers are exact to a millisecond only.
const WATCHFUL: Duration = Duration::from_millis(2);

/// How long a connection rests after the server took none, so that a dead server is not hammered.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);

/// How long after its time a request is still waited for, though its answer is worth nothing then: to give up each on its own would load
/// the server with what gives it up, and a server that does useless work shall be seen to do it.
const HANGING: Duration = Duration::from_secs(5);

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arrivals {
    /// So many in a second, evenly, whether the server keeps up or not.
    Open(f64),
    /// The same, more than the server can bear: those that wait for room are sent the youngest first, since the oldest is the first whose
    /// caller gives up, and in bunches of a millisecond, since nobody can tell at which instant they were to leave.
    Flood(f64),
    /// Each as soon as an earlier one is answered.
    Closed,
}

/// How requests are sent.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) arrivals: Arrivals,
    /// Of all threads together, but at least one of each.
    pub(crate) connections: u64,
    pub(crate) streams: u64,
    pub(crate) threads: u64,
    pub(crate) patience: Duration,
}

/// How far a run has come, for whoever looks on.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) answered: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) failed: AtomicU64,
}

impl Live {
    /// Requests that are over.
    pub(crate) fn over(&self) -> u64 {
        [&self.answered, &self.refused, &self.failed]
            .map(|count| count.load(Ordering::Relaxed))
            .into_iter()
            .sum()
    }

    fn add(&self, outcome: &Outcome) {
        let count = match outcome {
            Outcome::Answered { .. } => &self.answered,
            Outcome::Refused { .. } => &self.refused,
            Outcome::Failed(_) => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sends every request of `stock`; what came of them, and how long it took from the first to the last answer.
pub(crate) fn send(plan: &Plan, stock: &Arc<Stock>, live: &Arc<Live>) -> Result<(Tally, Duration)> {
    let watch = Stopwatch::start();
    let threads: Vec<_> = (0..plan.threads)
        .map(|thread| {
            let (plan, stock, live) = (plan.clone(), Arc::clone(stock), Arc::clone(live));
            thread::spawn(move || {
                let runtime = runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .context("a sending thread has no runtime")?;
                LocalSet::new().block_on(&runtime, share(plan, thread, stock, live, watch))
            })
        })
        .collect();
    let (mut sum, mut took) = (Tally::new(), Duration::ZERO);
    for thread in threads {
        let (tally, until) = thread
            .join()
            .map_err(|_| anyhow!("a sending thread panicked"))??;
        sum.merge(tally);
        took = took.max(until);
    }
    Ok((sum, took))
}

/// The share of one thread: every so-many-th request.
async fn share(
    plan: Plan,
    thread: u64,
    stock: Arc<Stock>,
    live: Arc<Live>,
    watch: Stopwatch,
) -> Result<(Tally, Duration)> {
    let threads = plan.threads;
    let connections = plan.connections.div_ceil(threads).max(1);
    let lanes = match plan.target.version() {
        Version::One => 1,
        Version::Two => plan.streams,
    };
    let links: Vec<_> = (0..connections)
        .map(|_| Rc::new(Link::new(plan.target.clone())))
        .collect();
    // Connections are made before the first request is due: they are not what is measured.
    for link in &links {
        link.open().await?;
    }
    let indices = (thread..stock.len()).step_by(usize::try_from(threads).unwrap_or(1));
    let queue = Rc::new(Queue::default());
    let began = watch.elapsed();
    let run = Rc::new(Run {
        stock,
        live,
        watch,
        patience: plan.patience,
        queue: Rc::clone(&queue),
        tally: RefCell::new(Tally::new()),
    });
    let mut tasks = Vec::new();
    for link in &links {
        for _ in 0..lanes {
            let (run, link) = (Rc::clone(&run), Rc::clone(link));
            tasks.push(tokio::task::spawn_local(
                async move { run.lane(&link).await },
            ));
        }
    }
    match plan.arrivals {
        Arrivals::Closed => {
            queue.closed.set(Some(watch));
            queue
                .due
                .borrow_mut()
                .extend(indices.map(|index| Job { index, at: None }));
        }
        Arrivals::Open(rate) | Arrivals::Flood(rate) => {
            let is_flood = matches!(plan.arrivals, Arrivals::Flood(_));
            queue.youngest_first.set(is_flood);
            for index in indices {
                let at = began + Duration::from_secs_f64(index as f64 / rate);
                if is_flood {
                    doze_until(watch, at).await;
                } else {
                    wait_until(watch, at).await;
                }
                queue.push(Job {
                    index,
                    at: Some(at),
                });
            }
        }
    }
    queue.end();
    for task in tasks {
        task.await
            .map_err(|_| anyhow!("a connection's task panicked"))?;
    }
    let took = watch.elapsed().saturating_sub(began);
    let run = Rc::try_unwrap(run).map_err(|_| anyhow!("a request outlived its run"))?;
    Ok((run.tally.into_inner(), took))
}

async fn wait_until(watch: Stopwatch, at: Duration) {
    loop {
        let left = at.saturating_sub(watch.elapsed());
        if left.is_zero() {
            return;
        }
        match left.checked_sub(WATCHFUL) {
            Some(rest) if !rest.is_zero() => sleep(rest).await,
            _ => yield_now().await,
        }
    }
}

/// The same, exact to the millisecond of tokio's timers: what is due meanwhile is due at once.
async fn doze_until(watch: Stopwatch, at: Duration) {
    let left = at.saturating_sub(watch.elapsed());
    if !left.is_zero() {
        sleep(left).await;
    }
}

/// A request that is due.
#[derive(Clone, Copy, Debug)]
struct Job {
    index: u64,
    /// When it was to be sent; `None` for as soon as there is room.
    at: Option<Duration>,
}

/// Requests that are due and wait for room.
#[derive(Default)]
struct Queue {
    due: RefCell<VecDeque<Job>>,
    more: Notify,
    ended: Cell<bool>,
    closed: Cell<Option<Stopwatch>>,
    youngest_first: Cell<bool>,
}

impl Queue {
    fn push(&self, job: Job) {
        self.due.borrow_mut().push_back(job);
        self.more.notify_one();
    }

    /// No more will come.
    fn end(&self) {
        self.ended.set(true);
        self.more.notify_waiters();
    }

    fn pop(&self) -> Option<Job> {
        let mut due = self.due.borrow_mut();
        if self.youngest_first.get() {
            due.pop_back()
        } else {
            due.pop_front()
        }
    }

    /// The next request, and the time from which it counts; `None` at the end.
    async fn next(&self) -> Option<(u64, Duration)> {
        loop {
            if let Some(job) = self.pop() {
                let now = || self.closed.get().map(Stopwatch::elapsed);
                return Some((job.index, job.at.or_else(now).unwrap_or_default()));
            }
            if self.ended.get() {
                return None;
            }
            self.more.notified().await;
        }
    }
}

/// A connection that is made again when it is lost. Its lanes share it.
struct Link {
    target: Target,
    open: Mutex<Option<Connection>>,
}

impl Link {
    fn new(target: Target) -> Self {
        Self {
            target,
            open: Mutex::new(None),
        }
    }

    /// Takes the connection, or a share of it; makes one if there is none.
    async fn open(&self) -> Result<()> {
        let mut open = self.open.lock().await;
        if open.is_none() {
            *open = Some(self.target.connect().await?);
        }
        Ok(())
    }

    async fn take(&self) -> Result<Connection> {
        let mut open = self.open.lock().await;
        if open.as_ref().is_some_and(Connection::is_closed) {
            *open = None;
        }
        let connection = match open.take() {
            Some(connection) => connection,
            None => self.target.connect().await?,
        };
        *open = connection.share();
        Ok(connection)
    }

    /// Gives back a connection that is as good as before. One that is shared was never away.
    async fn put(&self, connection: Connection) {
        if matches!(connection, Connection::One(_)) {
            *self.open.lock().await = Some(connection);
        }
    }
}

/// What the lanes of one thread have in common.
struct Run {
    stock: Arc<Stock>,
    live: Arc<Live>,
    watch: Stopwatch,
    patience: Duration,
    queue: Rc<Queue>,
    tally: RefCell<Tally>,
}

impl Run {
    /// Sends one request after the other.
    async fn lane(&self, link: &Link) {
        while let Some((index, at)) = self.queue.next().await {
            let outcome = self.exchange(link, index, at).await;
            self.live.add(&outcome);
            let after = self.watch.elapsed().saturating_sub(at);
            let failed_to_connect = matches!(outcome, Outcome::Failed(Failure::Connect));
            self.tally.borrow_mut().add(outcome, after);
            if failed_to_connect {
                sleep(RECONNECT_PAUSE).await;
            }
        }
    }

    async fn exchange(&self, link: &Link, index: u64, at: Duration) -> Outcome {
        let left = self
            .patience
            .saturating_sub(self.watch.elapsed().saturating_sub(at));
        if left.is_zero() {
            return Outcome::Failed(Failure::NotSent);
        }
        let Ok(envelope) = self.stock.request(index) else {
            return Outcome::Failed(Failure::Stock);
        };
        let outcome = timeout(left + HANGING, self.ask(link, index, envelope)).await;
        let is_late = self.watch.elapsed().saturating_sub(at) > self.patience;
        match outcome {
            Ok(outcome) if !is_late => outcome,
            _ => Outcome::Failed(Failure::Late),
        }
    }

    async fn ask(&self, link: &Link, index: u64, envelope: Bytes) -> Outcome {
        let Ok(mut connection) = link.take().await else {
            return Outcome::Failed(Failure::Connect);
        };
        let request = link.target.post(envelope);
        let Ok(response) = connection.send(request).await else {
            return Outcome::Failed(Failure::Lost);
        };
        let (head, body) = response.into_parts();
        let content = match Limited::new(body, ANSWER_MAX_BYTES).collect().await {
            Ok(content) => content.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Outcome::Failed(Failure::TooLarge);
            }
            Err(_) => return Outcome::Failed(Failure::Lost),
        };
        link.put(connection).await;
        if head.status != StatusCode::OK || !is_of_type(&head.headers, media::OHTTP_RESPONSE) {
            let problem = Problem::from_json(&content);
            return Outcome::Refused {
                status: head.status.as_u16(),
                reason: problem.map_or_else(String::new, |problem| problem.title),
            };
        }
        let octets = content.len();
        if self.stock.is_sampled(index) {
            self.tally.borrow_mut().kept.push((index, content));
        }
        Outcome::Answered { octets }
    }
}
