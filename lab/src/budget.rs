//! How much may leak, as a TOML file: each limit names findings and what they may at most come to.
//!
//! A limit that finds nothing to hold is exceeded too, or a budget would hold by naming nothing; so is a budget over a report whose controls
//! failed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::LabError;
use crate::attack::{Attack, Finding, Report};

/// How much may leak, and what it may cost.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What may not be exceeded.
    pub limit: Vec<Limit>,
}

/// What the findings of one kind may come to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Of which attack.
    pub attack: Attack,
    /// What the finding's target begins with; any if empty.
    #[serde(default)]
    pub target: String,
    /// What its condition begins with; any if empty.
    #[serde(default)]
    pub condition: String,
    /// Its metric.
    pub metric: String,
    /// What its interval may reach, or its value where it has none.
    pub most: f64,
    /// Milliseconds that the protection may add.
    #[serde(default)]
    pub most_ms: Option<f64>,
    /// Octets that it may add.
    #[serde(default)]
    pub most_octets: Option<f64>,
    /// The share of answers that may be late.
    #[serde(default)]
    pub most_late_share: Option<f64>,
}

/// A limit and what was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// What the limit is about.
    pub what: String,
    /// What was found; absent if nothing was.
    pub found: Option<f64>,
    /// What was allowed.
    pub most: f64,
    /// Whether that is held.
    pub held: bool,
}

impl Budget {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`LabError::File`] if it cannot be read, [`LabError::Budget`] if it is no budget.
    pub fn read(path: &Path) -> Result<Self, LabError> {
        let text = std::fs::read_to_string(path).map_err(LabError::file(path))?;
        toml::from_str(&text).map_err(|source| LabError::Budget {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// The attacks that it takes to judge.
    #[must_use]
    pub fn attacks(&self) -> Vec<Attack> {
        let mut attacks: Vec<Attack> = self.limit.iter().map(|limit| limit.attack).collect();
        attacks.sort_unstable();
        attacks.dedup();
        attacks
    }

    /// Sets findings against the limits, and the controls beside them.
    #[must_use]
    pub fn judge(&self, report: &Report) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for limit in &self.limit {
            let matching: Vec<&Finding> = report
                .findings
                .iter()
                .filter(|finding| limit.is_about(finding))
                .collect();
            if matching.is_empty() {
                lines.push(Line {
                    what: format!(
                        "{} {}, which nothing was found of",
                        limit.attack.name(),
                        limit.metric
                    ),
                    found: None,
                    most: limit.most,
                    held: false,
                });
            }
            lines.extend(
                matching
                    .into_iter()
                    .flat_map(|finding| limit.lines(finding)),
            );
        }
        lines.extend(
            report
                .controls
                .iter()
                .filter(|control| !control.held)
                .map(|control| Line {
                    what: format!("control of {}: {}", control.attack.name(), control.what),
                    found: control.value,
                    most: f64::NAN,
                    held: false,
                }),
        );
        lines
    }
}

impl Limit {
    fn is_about(&self, finding: &Finding) -> bool {
        finding.attack == self.attack
            && finding.metric == self.metric
            && finding.target.starts_with(&self.target)
            && finding.condition.starts_with(&self.condition)
    }

    fn lines(&self, finding: &Finding) -> Vec<Line> {
        let name = |what: &str| {
            let (attack, target) = (self.attack.name(), &finding.target);
            format!("{attack}, {target}, {}: {what}", finding.condition)
        };
        let reached = finding
            .interval
            .map(|interval| interval.high)
            .or(finding.value);
        let rows = [
            (&*self.metric, reached, Some(self.most)),
            (
                "milliseconds added",
                Some(finding.cost.milliseconds),
                self.most_ms,
            ),
            ("octets added", Some(finding.cost.octets), self.most_octets),
            (
                "share late",
                finding.beside.get("late_share").copied(),
                self.most_late_share,
            ),
        ];
        rows.into_iter()
            .filter_map(|(what, found, most)| {
                let most = most?;
                Some(Line {
                    what: name(what),
                    found,
                    most,
                    held: found.is_some_and(|found| found <= most),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::attack::{Control, Cost, SCHEMA};
    use crate::statistics::Interval;

    fn report(high: f64, held: bool) -> Report {
        Report {
            schema: SCHEMA,
            runs: Vec::new(),
            findings: vec![Finding {
                attack: Attack::AnswerTime,
                run: "run".to_owned(),
                observer: "relay",
                target: "at hand or not".to_owned(),
                condition: "D = 250 ms".to_owned(),
                metric: "AUC",
                value: Some(0.52),
                interval: Some(Interval { low: 0.5, high }),
                chance: None,
                cost: Cost {
                    octets: 0.0,
                    milliseconds: 240.0,
                },
                beside: BTreeMap::from([("late_share", 0.01)]),
                lookups: 1,
            }],
            controls: vec![Control {
                attack: Attack::AnswerTime,
                run: "run".to_owned(),
                what: "no step",
                must_leak: true,
                value: Some(1.0),
                held,
            }],
        }
    }

    fn exceeded(limits: &str, report: &Report) -> Vec<String> {
        let budget: Budget = toml::from_str(limits).unwrap();
        let lines = budget.judge(report).into_iter();
        lines
            .filter(|line| !line.held)
            .map(|line| line.what)
            .collect()
    }

    #[test]
    fn a_limit_holds_or_says_what_exceeds_it() {
        let limits = "[[limit]]\nattack = 'answer-time'\ntarget = 'at hand'\ncondition = 'D = 250'\nmetric = 'AUC'\nmost = 0.55\n\
                      most_ms = 250\nmost_late_share = 0.02\n";
        assert!(exceeded(limits, &report(0.54, true)).is_empty());
        let said = exceeded(limits, &report(0.56, true));
        assert_eq!(said, ["answer-time, at hand or not, D = 250 ms: AUC"]);
        let dear = limits.replace("most_ms = 250", "most_ms = 100\nmost_octets = 0");
        let said = exceeded(&dear, &report(0.54, true));
        assert_eq!(
            said,
            ["answer-time, at hand or not, D = 250 ms: milliseconds added"]
        );
    }

    #[test]
    fn a_budget_that_names_nothing_or_rests_on_failed_controls_is_exceeded() {
        let limits = "[[limit]]\nattack = 'size'\nmetric = 'bits'\nmost = 0.02\n";
        assert_eq!(exceeded(limits, &report(0.5, true)).len(), 1);
        let limits = "[[limit]]\nattack = 'answer-time'\nmetric = 'AUC'\nmost = 1.0\n";
        assert!(exceeded(limits, &report(0.5, true)).is_empty());
        assert_eq!(
            exceeded(limits, &report(0.5, false)),
            ["control of answer-time: no step"]
        );
        assert!(
            toml::from_str::<Budget>(
                "[[limit]]\nattack = 'size'\nmetric = 'bits'\nmost = 1\nleast = 0"
            )
            .is_err()
        );
    }
}
