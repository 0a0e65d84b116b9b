//! Several operations by turns, so that whatever slows the machine down slows all of them.

use super::super::clock::thread_time;

/// Rounds that count; one before them warms up.
const ROUNDS: usize = 41;

/// CPU time that one turn takes at least, microseconds: long enough for the clock, short enough to share a round.
const TURN_US: f64 = 1_500.0;

/// One operation by turns with others.
pub(crate) struct Runner<'a> {
    name: &'static str,
    run: Box<dyn FnMut() + 'a>,
    /// What makes the next run what the first was; its time does not count.
    reset: Option<Box<dyn FnMut() + 'a>>,
    calls: u32,
    costs: Vec<f64>,
}

/// What a runner took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// The name it was given.
    pub(crate) name: &'static str,
    /// The median, microseconds of CPU time for a call.
    pub(crate) us: f64,
    /// The median over rounds of the ratio to the first runner, and its quartiles.
    pub(crate) ratio: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
            reset: None,
            calls: 1,
            costs: Vec::new(),
        }
    }

    /// With something to do before every call.
    pub(crate) fn with_reset(mut self, reset: impl FnMut() + 'a) -> Self {
        self.reset = Some(Box::new(reset));
        self
    }

    fn turn(&mut self) -> f64 {
        let mut spent = 0.0;
        if let Some(reset) = &mut self.reset {
            for _ in 0..self.calls {
                reset();
                let start = thread_time();
                (self.run)();
                spent += (thread_time() - start).as_secs_f64();
            }
        } else {
            let start = thread_time();
            for _ in 0..self.calls {
                (self.run)();
            }
            spent = (thread_time() - start).as_secs_f64();
        }
        spent * 1e6 / f64::from(self.calls)
    }
}

/// Lets all run by turns; the first is what the others are compared to.
pub(crate) fn race(mut runners: Vec<Runner<'_>>) -> Vec<Took> {
    for runner in &mut runners {
        runner.turn();
        let once = runner.turn();
        runner.calls = (TURN_US / once).ceil().clamp(1.0, 1_000.0) as u32;
    }
    for _ in 0..ROUNDS {
        for runner in &mut runners {
            let cost = runner.turn();
            runner.costs.push(cost);
        }
    }
    let base = runners.first().map_or(&[][..], |first| &first.costs);
    runners
        .iter()
        .map(|runner| {
            let ratios = runner
                .costs
                .iter()
                .zip(base)
                .map(|(cost, base)| cost / base);
            let ratios = sorted(ratios.collect());
            let costs = sorted(runner.costs.clone());
            Took {
                name: runner.name,
                us: costs[ROUNDS / 2],
                ratio: ratios[ROUNDS / 2],
                low: ratios[ROUNDS / 4],
                high: ratios[ROUNDS * 3 / 4],
            }
        })
        .collect()
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}
