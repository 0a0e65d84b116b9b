//! A picture under way: shapes and escaped text, with one style sheet for light and dark.

use std::fmt::Write;

use crate::terminal::escape;

/// How something stands: a colour, and always a shape and a word besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// Signatures lead here.
    Held,
    /// The chain ends here, or never came here.
    Plain,
    /// The chain breaks here.
    Broken,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Plain => "plain",
            Self::Broken => "broken",
        }
    }
}

/// What a text is set in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Face {
    /// The verdict.
    Title,
    /// A zone.
    Heading,
    /// A name, a key.
    Code,
    /// What is said of it.
    Small,
}

impl Face {
    fn class(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Heading => "heading",
            Self::Code => "code",
            Self::Small => "small",
        }
    }
}

const STYLE: &str = "\
text{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}\
.title{font-size:17px;font-weight:bold}.heading{font-size:15px;font-weight:bold}.code{font-size:12px}.small{font-size:11px;fill:#424a53}\
.page{fill:#ffffff}.line{fill:none;stroke-width:2}.tip{stroke:none}.mark{fill:none;stroke-width:2.5;stroke-linecap:round}\
.box{stroke-width:1.5}.box.broken{stroke-width:3}.box.plain,.line.plain{stroke-dasharray:2 4}.line.broken{stroke-dasharray:7 4}\
.held{stroke:#1a7f37}.plain{stroke:#6e7781}.broken{stroke:#b3261e}\
.box.held{fill:#eef8f0}.box.plain{fill:#f3f4f6}.box.broken{fill:#fdeceb}\
.tip.held{fill:#1a7f37}.tip.plain{fill:#6e7781}.tip.broken{fill:#b3261e}\
.chip{fill:#ffffff;stroke-width:1.2}text.held{fill:#116329;stroke:none}text.plain{fill:#57606a;stroke:none}text.broken{fill:#b3261e;stroke:none}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#b4bdc7}.page{fill:#0d1117}\
.held{stroke:#3fb950}.plain{stroke:#8b949e}.broken{stroke:#ff7b72}\
.box.held{fill:#10231a}.box.plain{fill:#1a1f26}.box.broken{fill:#2f1517}\
.tip.held{fill:#3fb950}.tip.plain{fill:#8b949e}.tip.broken{fill:#ff7b72}\
.chip{fill:#0d1117}text.held{fill:#56d364}text.plain{fill:#9da7b1}text.broken{fill:#ff7b72}}";

/// Shapes in the order in which they are drawn.
#[derive(Debug, Default)]
pub(super) struct Canvas(String);

impl Canvas {
    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // A String takes everything.
        let _ = self.0.write_fmt(element);
        self.0.push('\n');
    }

    /// A rounded box, whose border tells its tone: full, dotted, or thick.
    pub(super) fn panel(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), tone: Tone) {
        let class = tone.class();
        self.add(format_args!(
            "<rect class=\"box {class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"10\"/>"
        ));
    }

    /// A small box for one key or RRset.
    pub(super) fn chip(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), tone: Tone) {
        let class = tone.class();
        self.add(format_args!(
            "<rect class=\"chip {class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>"
        ));
    }

    /// A line of text, cut in the middle where it is longer than `most` characters; the whole is
    /// its tooltip then.
    pub(super) fn text(&mut self, (x, y): (i32, i32), face: Face, most: usize, text: &str) {
        self.words((x, y), face.class(), most, text);
    }

    /// A line of text in the colour of its tone.
    pub(super) fn toned(
        &mut self,
        at: (i32, i32),
        face: Face,
        tone: Tone,
        most: usize,
        text: &str,
    ) {
        self.words(
            at,
            &format!("{} {}", face.class(), tone.class()),
            most,
            text,
        );
    }

    fn words(&mut self, (x, y): (i32, i32), class: &str, most: usize, text: &str) {
        let text = escape(text);
        let shown = elide(&text, most);
        let title = if shown == text {
            String::new()
        } else {
            format!("<title>{}</title>", xml(&text))
        };
        let shown = xml(&shown);
        self.add(format_args!(
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{title}{shown}</text>"
        ));
    }

    /// An arrow along right angles; a broken one is dashed and carries a cross.
    pub(super) fn arrow(&mut self, points: &[(i32, i32)], tone: Tone) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let (class, path) = (tone.class(), path.join(" "));
        self.add(format_args!(
            "<polyline class=\"line {class}\" points=\"{path}\"/>"
        ));
        if let [.., (from_x, from_y), (x, y)] = *points {
            let (dx, dy) = ((x - from_x).signum(), (y - from_y).signum());
            let side = |sign: i32| (x - 8 * dx - 4 * sign * dy, y - 8 * dy - 4 * sign * dx);
            let ((ax, ay), (bx, by)) = (side(1), side(-1));
            self.add(format_args!(
                "<polygon class=\"tip {class}\" points=\"{x},{y} {ax},{ay} {bx},{by}\"/>"
            ));
            if tone == Tone::Broken {
                self.mark(((x + from_x) / 2 - 2 * dx, (y + from_y) / 2 - 2 * dy), tone);
            }
        }
    }

    /// A tick, a dash or a cross.
    pub(super) fn mark(&mut self, (x, y): (i32, i32), tone: Tone) {
        let path = match tone {
            Tone::Held => "m-6,0 l4,4 l8,-9",
            Tone::Plain => "m-6,0 h12",
            Tone::Broken => "m-5,-5 l10,10 m0,-10 l-10,10",
        };
        let class = tone.class();
        self.add(format_args!(
            "<path class=\"mark {class}\" d=\"M{x},{y} {path}\"/>"
        ));
    }

    /// The finished picture.
    pub(super) fn finish(self, (width, height): (i32, i32), title: &str) -> String {
        let title = xml(&escape(title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n{}</svg>\n",
            self.0
        )
    }
}

/// Leaves out the middle of what is too long: the start and the end of a name tell most.
fn elide(text: &str, most: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept / 3, kept - kept / 3);
    let tail = &characters[characters.len() - tail..];
    characters[..head]
        .iter()
        .chain(&['…'])
        .chain(tail)
        .collect()
}

/// Text as XML character data; what XML cannot hold is replaced.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut canvas = Canvas::default();
        canvas.text((0, 0), Face::Code, 99, "</text><script>\"'&\u{0}\u{ffff}");
        assert_eq!(
            canvas.0,
            "<text class=\"code\" x=\"0\" y=\"0\">&lt;/text&gt;&lt;script&gt;&quot;&#39;&amp;\\u{0}\u{fffd}</text>\n"
        );
    }

    #[test]
    fn long_text_is_cut_in_the_middle_and_kept_whole_beside() {
        assert_eq!(elide("abcdefghij", 10), "abcdefghij");
        assert_eq!(elide("abcdefghijk", 10), "abc…fghijk");
        let mut canvas = Canvas::default();
        canvas.text((0, 0), Face::Code, 4, "<abcdef");
        assert!(
            canvas.0.contains("<title>&lt;abcdef</title>&lt;…ef"),
            "{}",
            canvas.0
        );
    }
}
