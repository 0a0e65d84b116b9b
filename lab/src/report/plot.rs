//! Pictures: values over what they cost, and values beneath one another, as SVG and as CSV.
//!
//! Every series has a colour, a shape and a dash of its own; bands are bootstrap intervals, grey is what chance alone gives.

use super::axis::{Axis, Mapped};
use super::markup::{Markup, exact};
use super::shapes::{class, dashed, label, line, mark, polygon, rect, ring, style, text};
use crate::statistics::{Baseline, Interval};

/// Units of the picture: a panel of a page as narrow as a telephone is as wide.
const WIDTH: f64 = 380.0;

/// Where the axes are, from the left, from the right, from the top.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 28.0;

/// The height of what the axes enclose.
const HEIGHT: f64 = 220.0;

/// From the horizontal axis to the legend.
const BELOW: f64 = 50.0;

/// From one line of a legend to the next.
const LINE: f64 = 19.0;

/// From one row of a list of values to the next.
const ROW: f64 = 40.0;

/// A value, what it is told by, and how sure it is.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// What it is the value of.
    pub(super) label: String,
    /// What it costs.
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) interval: Option<Interval>,
    pub(super) chance: Option<Baseline>,
    /// Whether the run was configured so.
    pub(super) own: bool,
}

/// Values that belong together.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) label: String,
    pub(super) points: Vec<Point>,
}

/// How points are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Over their cost, joined by lines.
    Curves,
    /// Over their cost, each by itself, with its label.
    Marks,
    /// Beneath one another.
    Rows,
}

/// A picture, and what it shows.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// Of its files, and of its element in the page.
    pub(super) name: String,
    pub(super) title: String,
    pub(super) form: Form,
    /// Whether the points of the first curve bear their labels.
    pub(super) is_labelled: bool,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) series: Vec<Series>,
}

impl Plot {
    /// Whether there is nothing to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }

    /// The picture as a part of a page, whose style sheet holds [`style`].
    pub(super) fn inline(&self) -> String {
        self.svg(None)
    }

    /// The picture as a file of its own.
    pub(super) fn alone(&self) -> String {
        self.svg(Some(&style()))
    }

    fn svg(&self, style: Option<&str>) -> String {
        let (shapes, height) = match self.form {
            Form::Curves | Form::Marks => self.over_cost(),
            Form::Rows => self.beneath(),
        };
        let named = format!("{}-title {}-about", self.name, self.name);
        let mut markup = Markup::default();
        let attributes = [
            ("xmlns", "http://www.w3.org/2000/svg"),
            ("class", "plot"),
            ("viewBox", &format!("0 0 {WIDTH} {height}")),
            ("width", &format!("{WIDTH}")),
            ("height", &format!("{height}")),
            ("role", "img"),
            ("aria-labelledby", &named),
        ];
        markup.element("svg", &attributes, |svg| {
            let id = |part: &str| format!("{}-{part}", self.name);
            svg.words("title", &[("id", &id("title"))], &self.title);
            svg.words("desc", &[("id", &id("about"))], &self.about());
            if let Some(style) = style {
                svg.element("style", &[], |inside| inside.verbatim(style));
                let size = (format!("{WIDTH}"), format!("{height}"));
                svg.void(
                    "rect",
                    &[("class", "paper"), ("width", &size.0), ("height", &size.1)],
                );
            }
            svg.verbatim(&shapes);
        });
        markup.finish()
    }

    /// The picture in words.
    fn about(&self) -> String {
        let series: Vec<String> = self
            .series
            .iter()
            .map(|series| {
                let points: Vec<String> = series
                    .points
                    .iter()
                    .map(|point| match self.form {
                        Form::Rows => format!("{} {:.3}", point.label, point.y),
                        _ => format!("{} {:.3} at {:.0}", point.label, point.y, point.x),
                    })
                    .collect();
                format!("{}: {}", series.label, points.join(", "))
            })
            .collect();
        format!(
            "{} over {}. {}.",
            self.y.label,
            self.x.label,
            series.join("; ")
        )
    }

    /// What the picture shows as rows.
    pub(super) fn csv(&self) -> Vec<Vec<String>> {
        let mut rows = vec![
            [
                "series",
                "label",
                "x",
                "y",
                "low",
                "high",
                "chance",
                "chance_low",
                "chance_high",
                "as_configured",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        for series in &self.series {
            for point in &series.points {
                let some = |value: Option<f64>| value.map_or_else(String::new, exact);
                rows.push(vec![
                    super::cell(&series.label),
                    super::cell(&point.label),
                    if self.form == Form::Rows {
                        String::new()
                    } else {
                        exact(point.x)
                    },
                    exact(point.y),
                    some(point.interval.map(|interval| interval.low)),
                    some(point.interval.map(|interval| interval.high)),
                    some(point.chance.map(|chance| chance.mean)),
                    some(point.chance.map(|chance| chance.low)),
                    some(point.chance.map(|chance| chance.high)),
                    point.own.to_string(),
                ]);
            }
        }
        rows
    }

    /// The series that have points, with the place that gives them their colour.
    fn drawn(&self) -> impl Iterator<Item = (usize, &Series)> {
        let series = self.series.iter().enumerate();
        series.filter(|(_, series)| !series.points.is_empty())
    }

    fn points(&self) -> impl Iterator<Item = &Point> {
        self.series.iter().flat_map(|series| &series.points)
    }

    /// What an axis of values reaches: every value, every interval, and what chance gives.
    fn reach_of_values(&self, least: (f64, f64)) -> (f64, f64) {
        let values = self.points().flat_map(|point| {
            [
                Some(point.y),
                point.interval.map(|interval| interval.low),
                point.interval.map(|interval| interval.high),
                point.chance.map(|chance| chance.low),
                point.chance.map(|chance| chance.high),
            ]
        });
        values.flatten().fold(least, |(low, high), value| {
            (low.min(value), high.max(value))
        })
    }

    fn over_cost(&self) -> (String, f64) {
        let costs = self.points().map(|point| point.x);
        let (from, to) = costs.fold(self.x.reaches, |(low, high), x| (low.min(x), high.max(x)));
        let right = WIDTH - RIGHT;
        let x = Mapped::new(self.x.scale, (from, to), (LEFT + 8.0, right - 14.0));
        let y = Mapped::new(
            self.y.scale,
            self.reach_of_values(self.y.reaches),
            (TOP + HEIGHT - 6.0, TOP + 6.0),
        );
        let mut svg = Markup::default();
        let floor = TOP + HEIGHT;
        for (value, shown) in y.ticks() {
            let at = y.at(value);
            line(&mut svg, "grid", (LEFT, at), (right, at));
            text(&mut svg, ("small", "end"), (LEFT - 5.0, at + 4.0), &shown);
        }
        for (value, shown) in x.ticks() {
            let at = x.at(value);
            line(&mut svg, "axis", (at, floor), (at, floor + 4.0));
            text(&mut svg, ("small", "middle"), (at, floor + 17.0), &shown);
        }
        line(&mut svg, "axis", (LEFT, floor), (right, floor));
        line(&mut svg, "axis", (LEFT, TOP), (LEFT, floor));
        let middle = (LEFT + right) / 2.0;
        text(
            &mut svg,
            ("", "middle"),
            (middle, floor + 34.0),
            self.x.label,
        );
        text(&mut svg, ("", "start"), (4.0, TOP - 12.0), self.y.label);
        for series in &self.series {
            self.chance(&mut svg, series, &x, &y);
        }
        for (place, series) in self.series.iter().enumerate() {
            self.draw(&mut svg, place, series, &x, &y);
        }
        let mut at = floor + BELOW + 6.0;
        for (place, series) in self.drawn() {
            let class = class(place);
            if self.form == Form::Curves {
                dashed(
                    &mut svg,
                    place,
                    &[(LEFT - 32.0, at - 4.0), (LEFT - 8.0, at - 4.0)],
                );
            }
            mark(&mut svg, place, (LEFT - 20.0, at - 4.0), &class);
            label(&mut svg, (LEFT, at), &series.label);
            at += LINE;
        }
        if self.points().any(|point| point.own) {
            ring(&mut svg, (LEFT - 20.0, at - 4.0), "own axis");
            label(&mut svg, (LEFT, at), "a ring: as the run was configured");
            at += LINE;
        }
        if self.points().any(|point| point.chance.is_some()) {
            rect(&mut svg, "chance", (LEFT - 32.0, at - 10.0), (24.0, 10.0));
            label(&mut svg, (LEFT, at), "grey: what chance alone gives, 95 %");
            at += LINE;
        }
        (svg.finish(), at - LINE + 12.0)
    }

    /// What chance gives: a band along a curve, a box at a mark.
    fn chance(&self, svg: &mut Markup, series: &Series, x: &Mapped, y: &Mapped) {
        let known = || {
            let points = series.points.iter();
            points.filter_map(|point| Some((x.at(point.x), point.chance?)))
        };
        if self.form == Form::Curves && known().count() > 1 {
            let upper = known().map(|(at, chance)| (at, y.at(chance.high)));
            let lower: Vec<_> = known().map(|(at, chance)| (at, y.at(chance.low))).collect();
            polygon(svg, "chance", upper.chain(lower.into_iter().rev()));
        } else {
            for (at, chance) in known() {
                let (high, low) = (y.at(chance.high), y.at(chance.low));
                rect(
                    svg,
                    "chance",
                    (at - 7.0, high),
                    (14.0, (low - high).max(2.0)),
                );
            }
        }
    }

    fn draw(&self, svg: &mut Markup, place: usize, series: &Series, x: &Mapped, y: &Mapped) {
        let class = class(place);
        let with_interval = || {
            let points = series.points.iter();
            points.filter_map(|point| Some((x.at(point.x), point.interval?)))
        };
        if self.form == Form::Curves {
            let upper = with_interval().map(|(at, interval)| (at, y.at(interval.high)));
            let lower: Vec<_> = with_interval()
                .map(|(at, interval)| (at, y.at(interval.low)))
                .collect();
            polygon(
                svg,
                &format!("band {class}"),
                upper.chain(lower.into_iter().rev()),
            );
            let path: Vec<_> = series
                .points
                .iter()
                .map(|point| (x.at(point.x), y.at(point.y)))
                .collect();
            dashed(svg, place, &path);
        }
        for (at, interval) in with_interval() {
            let (high, low) = (y.at(interval.high), y.at(interval.low));
            let whisker = format!("whisker {class}");
            line(svg, &whisker, (at, high), (at, low));
            line(svg, &whisker, (at - 4.0, high), (at + 4.0, high));
            line(svg, &whisker, (at - 4.0, low), (at + 4.0, low));
        }
        for point in &series.points {
            let at = (x.at(point.x), y.at(point.y));
            if point.own {
                ring(svg, at, &format!("own {class}"));
            }
            svg.element("g", &[], |group| {
                group.words("title", &[], &told(series, point));
                mark(group, place, at, &class);
            });
            let is_labelled = self.form == Form::Marks || (self.is_labelled && place == 0);
            if is_labelled {
                let is_near_the_edge = at.0 > WIDTH - RIGHT - 60.0;
                let (anchor, shift) = if is_near_the_edge {
                    ("end", -8.0)
                } else {
                    ("start", 8.0)
                };
                text(
                    svg,
                    ("small", anchor),
                    (at.0 + shift, at.1 - 8.0),
                    point.label.trim_start_matches("multiples of "),
                );
            }
        }
    }

    /// One value a row, its label above it.
    fn beneath(&self) -> (String, f64) {
        let right = WIDTH - RIGHT;
        let x = Mapped::new(
            self.y.scale,
            self.reach_of_values(self.y.reaches),
            (12.0, right - 8.0),
        );
        let mut svg = Markup::default();
        let rows: usize = self.series.iter().map(|series| series.points.len()).sum();
        let floor = TOP + 4.0 + ROW * rows as f64;
        for (value, shown) in x.ticks() {
            line(&mut svg, "grid", (x.at(value), TOP), (x.at(value), floor));
            text(
                &mut svg,
                ("small", "middle"),
                (x.at(value), floor + 16.0),
                &shown,
            );
        }
        line(&mut svg, "axis", (12.0, floor), (right - 8.0, floor));
        text(
            &mut svg,
            ("", "middle"),
            (WIDTH / 2.0, floor + 33.0),
            self.y.label,
        );
        let mut at = TOP + 14.0;
        for (place, series) in self.series.iter().enumerate() {
            let class = class(place);
            for point in &series.points {
                label(&mut svg, (12.0, at), &point.label);
                let middle = at + 13.0;
                if let Some(chance) = point.chance {
                    let (low, high) = (x.at(chance.low), x.at(chance.high));
                    rect(
                        &mut svg,
                        "chance",
                        (low, middle - 6.0),
                        ((high - low).max(2.0), 12.0),
                    );
                }
                if let Some(interval) = point.interval {
                    let whisker = format!("whisker {class}");
                    let (low, high) = (x.at(interval.low), x.at(interval.high));
                    line(&mut svg, &whisker, (low, middle), (high, middle));
                    line(&mut svg, &whisker, (low, middle - 4.0), (low, middle + 4.0));
                    line(
                        &mut svg,
                        &whisker,
                        (high, middle - 4.0),
                        (high, middle + 4.0),
                    );
                }
                svg.element("g", &[], |group| {
                    group.words("title", &[], &told(series, point));
                    mark(group, place, (x.at(point.y), middle), &class);
                });
                at += ROW;
            }
        }
        let mut at = floor + BELOW + 6.0;
        for (place, series) in self.drawn() {
            mark(&mut svg, place, (26.0, at - 4.0), &class(place));
            label(&mut svg, (LEFT, at), &series.label);
            at += LINE;
        }
        rect(&mut svg, "chance", (14.0, at - 10.0), (24.0, 10.0));
        label(&mut svg, (LEFT, at), "grey: what chance alone gives, 95 %");
        (svg.finish(), at + 12.0)
    }
}

/// What a mark says to who points at it.
fn told(series: &Series, point: &Point) -> String {
    let interval = point.interval.map_or_else(String::new, |interval| {
        format!(" [{:.3}, {:.3}]", interval.low, interval.high)
    });
    format!(
        "{}, {}: {:.3}{interval}",
        series.label, point.label, point.y
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::axis::Scale;

    fn point(x: f64, y: f64) -> Point {
        Point {
            label: "<D>".to_owned(),
            x,
            y,
            interval: Some(Interval {
                low: y - 0.1,
                high: y + 0.1,
            }),
            chance: None,
            own: x == 0.0,
        }
    }

    fn plot(form: Form, points: Vec<Point>) -> Plot {
        Plot {
            name: "test".to_owned(),
            title: "A & B".to_owned(),
            form,
            is_labelled: true,
            x: Axis {
                label: "ms added",
                scale: Scale::Linear,
                reaches: (0.0, 1.0),
            },
            y: Axis {
                label: "AUC",
                scale: Scale::Linear,
                reaches: (0.5, 1.0),
            },
            series: vec![Series {
                label: "=A".to_owned(),
                points,
            }],
        }
    }

    #[test]
    fn every_form_draws_and_escapes() {
        for form in [Form::Curves, Form::Marks, Form::Rows] {
            let plot = plot(form, vec![point(0.0, 0.9), point(250.0, 0.5)]);
            let svg = plot.alone();
            let document = roxmltree::Document::parse(&svg).unwrap();
            let marks = document
                .descendants()
                .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "circle")));
            assert!(marks.count() >= 2, "{svg}");
            assert!(svg.contains("A &amp; B") && svg.contains("&lt;D&gt;"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn nothing_and_one_value_are_drawn_without_dividing_by_nothing() {
        for points in [vec![], vec![point(0.0, 0.0)]] {
            for form in [Form::Curves, Form::Marks, Form::Rows] {
                let svg = plot(form, points.clone()).alone();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }

    #[test]
    fn rows_hold_the_digits_and_no_formula() {
        let rows = plot(Form::Curves, vec![point(1.0 / 3.0, 0.5)]).csv();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[1][0], "'=A");
        assert_eq!(rows[1][2], "0.3333333333333333");
        assert_eq!(rows[1].len(), rows[0].len());
    }
}
