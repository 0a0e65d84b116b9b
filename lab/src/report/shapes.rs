//! The shapes that pictures are made of, and their style sheet for light and dark.

use super::markup::Markup;

/// Characters of a line of text, about as many as a picture is wide.
const CHARACTERS: usize = 50;

/// Colours on white and on black, each with a contrast of 4.5 or more.
const COLOURS: [(&str, &str); 6] = [
    ("#0067a3", "#5cb8f2"),
    ("#b34700", "#ff9a57"),
    ("#00704f", "#3fd0a4"),
    ("#93386d", "#e99bc9"),
    ("#655600", "#d9c64a"),
    ("#4a4a4a", "#c8c8c8"),
];

const DASHES: [&str; 5] = ["none", "7 3", "2 3", "9 3 2 3", "4 2"];

const STYLE: &str = "\
.plot text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-size:12px;fill:#24292f}\
.plot .small{font-size:11px;fill:#57606a}.plot .grid{stroke:#d8dee4;stroke-width:1}.plot .axis{stroke:#57606a;stroke-width:1.2}\
.plot .paper{fill:#ffffff}.plot .chance{fill:#8c959f;fill-opacity:.28;stroke:none}.plot .by-chance{fill:none;stroke:#6e7781;stroke-width:1.5;stroke-dasharray:1 3;stroke-linecap:round}\
.plot .line{fill:none;stroke-width:1.8}.plot .whisker{fill:none;stroke-width:1.6}.plot .own{fill:none;stroke-width:1.6}.plot .band{stroke:none;fill-opacity:.16}";

const DARK: &str = "\
.plot text{fill:#e6edf3}.plot .small{fill:#a5afb9}.plot .grid{stroke:#2d343c}.plot .axis{stroke:#a5afb9}.plot .paper{fill:#0d1117}\
.plot .chance{fill:#8b949e;fill-opacity:.34}.plot .by-chance{stroke:#a5afb9}";

/// The style sheet of every picture.
pub(super) fn style() -> String {
    let colours = |of: fn(&(&'static str, &'static str)) -> &'static str| -> String {
        let rule = |(place, colours)| {
            let colour = of(colours);
            format!(
                ".plot .s{place}{{stroke:{colour};fill:{colour}}}.plot .line.s{place},.plot .whisker.s{place},.plot .own.s{place}{{fill:none}}.plot .band.s{place}{{stroke:none}}"
            )
        };
        COLOURS.iter().enumerate().map(rule).collect()
    };
    format!(
        "{STYLE}{}\n@media screen and (prefers-color-scheme:dark){{{DARK}{}}}\n",
        colours(|pair| pair.0),
        colours(|pair| pair.1)
    )
}

pub(super) fn class(place: usize) -> String {
    format!("s{}", place % COLOURS.len())
}

pub(super) fn number(value: f64) -> String {
    format!("{value:.1}")
}

pub(super) fn path(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let points: Vec<String> = points
        .into_iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    points.join(" ")
}

pub(super) fn line(svg: &mut Markup, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    svg.void(
        "line",
        &[
            ("class", class),
            ("x1", &number(x1)),
            ("y1", &number(y1)),
            ("x2", &number(x2)),
            ("y2", &number(y2)),
        ],
    );
}

pub(super) fn rect(svg: &mut Markup, class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) {
    svg.void(
        "rect",
        &[
            ("class", class),
            ("x", &number(x)),
            ("y", &number(y)),
            ("width", &number(width)),
            ("height", &number(height)),
        ],
    );
}

pub(super) fn polygon(svg: &mut Markup, class: &str, points: impl Iterator<Item = (f64, f64)>) {
    svg.void("polygon", &[("class", class), ("points", &path(points))]);
}

pub(super) fn dashed(svg: &mut Markup, place: usize, points: &[(f64, f64)]) {
    let class = format!("line {}", class(place));
    let points = path(points.iter().copied());
    svg.void(
        "polyline",
        &[
            ("class", &class),
            ("stroke-dasharray", DASHES[place % DASHES.len()]),
            ("points", &points),
        ],
    );
}

pub(super) fn ring(svg: &mut Markup, (x, y): (f64, f64), class: &str) {
    svg.void(
        "circle",
        &[
            ("class", class),
            ("cx", &number(x)),
            ("cy", &number(y)),
            ("r", "8"),
        ],
    );
}

/// The shape of a series: a circle, a square, triangles, a diamond.
pub(super) fn mark(svg: &mut Markup, place: usize, (x, y): (f64, f64), class: &str) {
    let corners: &[(f64, f64)] = match place % DASHES.len() {
        0 => {
            let (x, y) = (number(x), number(y));
            return svg.void(
                "circle",
                &[("class", class), ("cx", &x), ("cy", &y), ("r", "4")],
            );
        }
        1 => &[(-3.6, -3.6), (3.6, -3.6), (3.6, 3.6), (-3.6, 3.6)],
        2 => &[(0.0, -4.8), (4.4, 3.4), (-4.4, 3.4)],
        3 => &[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)],
        _ => &[(0.0, 4.8), (4.4, -3.4), (-4.4, -3.4)],
    };
    polygon(svg, class, corners.iter().map(|(dx, dy)| (x + dx, y + dy)));
}

pub(super) fn text(
    svg: &mut Markup,
    (class, anchor): (&str, &str),
    (x, y): (f64, f64),
    words: &str,
) {
    svg.words(
        "text",
        &[
            ("class", class),
            ("x", &number(x)),
            ("y", &number(y)),
            ("text-anchor", anchor),
        ],
        words,
    );
}

/// A line of text, cut where the picture ends; the whole is its tooltip then.
pub(super) fn label(svg: &mut Markup, (x, y): (f64, f64), words: &str) {
    let shown: String = if words.chars().count() > CHARACTERS {
        words.chars().take(CHARACTERS - 1).chain(['…']).collect()
    } else {
        words.to_owned()
    };
    let attributes = [("x", &*number(x)), ("y", &*number(y))];
    svg.element("text", &attributes, |inside| {
        if shown != words {
            inside.words("title", &[], words);
        }
        inside.text(&shown);
    });
}
