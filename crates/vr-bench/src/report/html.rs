//! Parts of the page: escaped texts, numbers, tables.

pub(crate) const NONE: &str = "<p>None.</p>";
/// Longer tables are folded until the reader opens them.
const LONG: usize = 40;

pub(crate) fn folded(rows: usize, table: &str) -> String {
    if rows <= LONG {
        table.to_owned()
    } else {
        format!("<details>\n<summary>{rows} rows</summary>\n{table}\n</details>")
    }
}

/// A table of cells that are already escaped.
pub(crate) fn table(heads: &[&str], class: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let body: String = rows.map(|row| cells("td", &row)).collect();
    if body.is_empty() {
        return NONE.to_owned();
    }
    let heads: Vec<String> = heads.iter().map(|head| escape(head)).collect();
    let head = cells("th", &heads);
    format!(
        "<div class=\"wide\"><table class=\"{class}\">\n<thead>{head}</thead>\n<tbody>\n{body}</tbody>\n</table></div>"
    )
}

pub(crate) fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// Four significant digits, or the text of what is not finite.
pub(crate) fn number(value: f64) -> String {
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

pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_digits() {
        let texts = [0.0, 12.3456, 0.012_345, 123_456.7, 1e-12, -2.5, f64::INFINITY].map(number);
        assert_eq!(texts, ["0", "12.35", "0.0123", "123457", "1.000e-12", "-2.500", "not finite"]);
    }
}
