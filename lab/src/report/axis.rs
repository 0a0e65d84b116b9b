//! Axes: from values to places of a picture, and the round values between.

use super::markup::grouped;

/// Ends of ticks that are drawn, about.
const TICKS: f64 = 5.0;

/// How far apart values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// As far as they are.
    Linear,
    /// As far as their logarithms, from ten on; 0 has its place.
    Logarithmic,
}

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => (value.max(0.0) / 10.0).asinh(),
        }
    }
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) scale: Scale,
    /// What it reaches at least, whatever the points are.
    pub(super) reaches: (f64, f64),
}

/// From values to places of the picture.
pub(super) struct Mapped {
    scale: Scale,
    from: (f64, f64),
    to: (f64, f64),
}

impl Mapped {
    pub(super) fn new(scale: Scale, values: (f64, f64), to: (f64, f64)) -> Self {
        let (low, high) = values;
        let high = if high > low { high } else { low + 1.0 };
        Self {
            scale,
            from: (low, high),
            to,
        }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let (low, high) = (self.scale.place(self.from.0), self.scale.place(self.from.1));
        let share = (self.scale.place(value) - low) / (high - low);
        self.to.0 + share * (self.to.1 - self.to.0)
    }

    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        let (low, high) = self.from;
        if self.scale == Scale::Logarithmic {
            let decades = (1..10).map(|decade| 10_f64.powi(decade));
            return std::iter::once(0.0)
                .chain(decades)
                .filter(|value| (low..=high).contains(value))
                .map(|value| (value, grouped(value as u64)))
                .collect();
        }
        let rough = (high - low) / TICKS;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|times| times * power)
            .find(|step| *step >= rough)
            .unwrap_or(10.0 * power);
        let places = (-step.log10().floor()).max(0.0) as usize;
        let (first, last) = (
            (low / step).ceil() as i64,
            (high / step + 1e-9).floor() as i64,
        );
        (first..=last)
            .map(|number| number as f64 * step)
            .map(|value| (value, format!("{value:.places$}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let ticks = |values| {
            let axis = Mapped::new(Scale::Linear, values, (0.0, 1.0));
            axis.ticks()
                .into_iter()
                .map(|tick| tick.1)
                .collect::<Vec<_>>()
        };
        assert_eq!(ticks((0.45, 1.0)), ["0.6", "0.8", "1.0"]);
        assert_eq!(
            ticks((0.0, 1_000.0)),
            ["0", "200", "400", "600", "800", "1000"]
        );
        let axis = Mapped::new(Scale::Logarithmic, (0.0, 5_000.0), (0.0, 1.0));
        let shown: Vec<String> = axis.ticks().into_iter().map(|tick| tick.1).collect();
        assert_eq!(shown, ["0", "10", "100", "1,000"]);
    }
}
