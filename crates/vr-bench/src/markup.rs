//! Texts and numbers as they stand in HTML and SVG.

/// A text that stands for itself in HTML and SVG, between tags and in attributes. What neither may hold is a space.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Four significant digits, or the text of what is not finite.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not finite".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    match value.abs() {
        1e-3..1e6 => {
            let digits = [1.0, 10.0, 100.0, 1000.0].iter().filter(|&&bound| value.abs() >= bound).count();
            format!("{value:.*}", 4 - digits)
        }
        _ => format!("{value:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        let texts = [0.0, 12.3456, 0.012_345, 123_456.7, 1e-12, -2.5, f64::INFINITY].map(number);
        assert_eq!(texts, ["0", "12.35", "0.0123", "123457", "1.000e-12", "-2.500", "not finite"]);
    }

    #[test]
    fn a_text_cannot_leave_its_place() {
        assert_eq!(escape("<b a='\"'>&\u{0}\u{1b}\nα"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;  \nα");
    }
}
