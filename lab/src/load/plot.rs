//! The latencies by percentile, as a picture: the further to the right, the rarer.

use std::path::Path;

use anyhow::{Result, anyhow};
use hdrhistogram::Histogram;
use plotters::prelude::*;

/// Pixels.
const SIZE: (u32, u32) = (960, 540);

/// Decimal places of the rarest latency shown: one in 100,000.
const RAREST: f64 = 5.0;

/// Points of the curve for each decimal place.
const STEPS: u32 = 40;

/// Draws `latency`, in microseconds, under `title` into an SVG file.
///
/// # Errors
///
/// That the file cannot be written.
pub(crate) fn draw(path: &Path, title: &str, latency: &Histogram<u64>) -> Result<()> {
    let failed = |error: &dyn std::fmt::Display| anyhow!("cannot draw {}: {error}", path.display());
    let points: Vec<(f64, f64)> = (0..=(RAREST * f64::from(STEPS)) as u32)
        .map(|step| f64::from(step) / f64::from(STEPS))
        .map(|nines| {
            let quantile = 1.0 - 10_f64.powf(-nines);
            (nines, latency.value_at_quantile(quantile) as f64 / 1_000.0)
        })
        .collect();
    let highest = points.iter().map(|(_, ms)| *ms).fold(0.01, f64::max) * 1.5;
    let lowest = points
        .iter()
        .map(|(_, ms)| *ms)
        .fold(highest, f64::min)
        .max(0.001)
        / 1.5;

    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(&error))?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(16)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..RAREST, (lowest..highest).log_scale())
        .map_err(|error| failed(&error))?;
    chart
        .configure_mesh()
        .x_desc("percentile")
        .y_desc("milliseconds from the intended time")
        .x_labels(6)
        .x_label_formatter(&|nines| percentile(*nines))
        .y_label_formatter(&|ms| format!("{ms:.2}"))
        .draw()
        .map_err(|error| failed(&error))?;
    chart
        .draw_series(LineSeries::new(points, &BLUE))
        .map_err(|error| failed(&error))?;
    area.present().map_err(|error| failed(&error))
}

/// 0, 90, 99, 99.9 and so on.
fn percentile(nines: f64) -> String {
    let rare = 100.0 * 10_f64.powf(-nines);
    let places = (nines - 2.0).max(0.0).round() as usize;
    format!("{:.places$} %", 100.0 - rare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_the_digits_that_they_need() {
        assert_eq!(
            [0.0, 1.0, 2.0, 3.0, 5.0].map(percentile),
            ["0 %", "90 %", "99 %", "99.9 %", "99.999 %"]
        );
    }

    #[test]
    fn a_picture_is_an_svg_with_a_curve() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("latency.svg");
        let mut latency = Histogram::new(3).unwrap();
        for microseconds in 100..10_000 {
            latency.record(microseconds).unwrap();
        }
        draw(&path, "a run", &latency).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("<svg") && text.contains("<polyline") && text.contains("a run"));
    }

    #[test]
    fn a_picture_of_nothing_is_still_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("latency.svg");
        draw(&path, "nothing", &Histogram::new(3).unwrap()).unwrap();
        assert!(
            draw(
                &directory.path().join("no/such"),
                "t",
                &Histogram::new(3).unwrap()
            )
            .is_err()
        );
    }
}
