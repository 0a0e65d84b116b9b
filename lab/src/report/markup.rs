//! Markup under way, HTML and SVG alike: elements that are closed, attributes and text that are escaped.
//!
//! What is written is well-formed XML too, so that a page can be read by any parser.

use std::fmt::Display;

/// Markup under way.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

/// Attributes of an element, in order.
pub(super) type Attributes<'a> = &'a [(&'a str, &'a str)];

impl Markup {
    /// An element around what `inside` writes.
    pub(super) fn element(
        &mut self,
        tag: &str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.begin(tag, attributes);
        self.0.push('>');
        inside(self);
        self.0.push_str(&format!("</{tag}>"));
        if !is_inline(tag) {
            self.0.push('\n');
        }
    }

    /// An element that holds text.
    pub(super) fn words(&mut self, tag: &str, attributes: Attributes<'_>, text: &str) {
        self.element(tag, attributes, |inside| inside.text(text));
    }

    /// An element that holds nothing.
    pub(super) fn void(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.begin(tag, attributes);
        self.0.push_str("/>\n");
    }

    fn begin(&mut self, tag: &str, attributes: Attributes<'_>) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            self.0.push_str(&format!(" {name}=\"{}\"", escaped(value)));
        }
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) {
        self.0.push_str(&escaped(text));
    }

    /// A figure as a person reads it, with all of its digits for a program.
    pub(super) fn figure(&mut self, shown: &str, exact: impl Display) {
        self.words("data", &[("value", &exact.to_string())], shown);
    }

    /// Markup of our own: a doctype, a style sheet, another [`Markup`].
    pub(super) fn verbatim(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Elements within a line, after which no line ends.
fn is_inline(tag: &str) -> bool {
    matches!(
        tag,
        "a" | "abbr" | "code" | "data" | "em" | "span" | "strong" | "tspan"
    )
}

/// Text as character data and attribute values; what XML cannot hold, and what turns the direction of a line, is replaced.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                escaped.push(char::REPLACEMENT_CHARACTER);
            }
            control if control.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number of JSON with all of its digits, as the attack prints it.
pub(super) fn exact(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or_else(String::new, |number| number.to_string())
}

/// A whole number with a comma between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_and_no_attribute_becomes_markup() {
        let mut markup = Markup::default();
        markup.words(
            "p",
            &[("title", "\"><script>")],
            "</p><script>'&\u{0}\u{202e}\u{ffff}",
        );
        assert_eq!(
            markup.finish(),
            "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;/p&gt;&lt;script&gt;&#39;&amp;\u{fffd}\u{fffd}\u{fffd}</p>\n"
        );
    }

    #[test]
    fn a_figure_keeps_its_digits() {
        let mut markup = Markup::default();
        markup.figure("0.333", exact(1.0 / 3.0));
        assert_eq!(
            markup.finish(),
            "<data value=\"0.3333333333333333\">0.333</data>"
        );
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(exact(f64::NAN), "");
    }
}
