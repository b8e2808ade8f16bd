//! Parts of a page, and the page about them.

use crate::figures::palette::dark_style;
use crate::markup::{escape, number};

pub(crate) const NONE: &str = "<p>None.</p>";
/// Longer tables are folded until the reader opens them.
const LONG: usize = 40;

const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");

/// A part of a page: a title of ours in plain letters, and HTML.
pub(crate) type Section = (&'static str, String);

/// A page that loads nothing from anywhere: a heading, what leads into it as HTML, and sections, of several with links to them.
///
/// It says everything without its script, on a light and a dark ground, on paper, and from 360 pixels on.
pub(crate) fn page(title: &str, lead: &str, sections: &[Section]) -> String {
    let title = escape(title);
    let link = |(title, _): &Section| format!("<li><a href=\"#{}\">{title}</a></li>", id(title));
    let links: String = sections.iter().filter(|_| sections.len() > 1).map(link).collect();
    let contents = match links.as_str() {
        "" => links,
        links => format!("<nav aria-label=\"Contents\"><ul class=\"contents\">{links}</ul></nav>\n"),
    };
    let whole: String = sections.iter().map(section).collect();
    let dark = dark_style();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n</style>\n</head>\n<body>\n<main>\n\
         <h1>{title}</h1>\n{lead}{contents}{whole}</main>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

fn section((title, body): &Section) -> String {
    let id = id(title);
    format!(
        "<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{body}\n</section>\n"
    )
}

fn id(title: &str) -> String {
    title.to_lowercase().replace(' ', "-")
}

/// Figures with their titles.
pub(crate) fn figures(figures: &[(&str, &str)]) -> String {
    let figure = |(title, svg): &(&str, &str)| {
        let title = escape(title);
        format!(
            "<figure>\n<figcaption><h3>{title}</h3></figcaption>\n\
             <div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"{title}\">\n{svg}</div>\n</figure>\n"
        )
    };
    if figures.is_empty() { NONE.to_owned() } else { figures.iter().map(figure).collect() }
}

pub(crate) fn folded(rows: usize, table: &str) -> String {
    if rows <= LONG {
        table.to_owned()
    } else {
        format!("<details>\n<summary>{rows} rows</summary>\n{table}\n</details>")
    }
}

/// A table of cells that are already escaped; the first of a row is its heading.
pub(crate) fn table(label: &str, heads: &[&str], class: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let row = |cells: Vec<String>| {
        let mut cells = cells.iter();
        let first: String = cells.next().map(|cell| format!("<th scope=\"row\">{cell}</th>")).into_iter().collect();
        let others: String = cells.map(|cell| format!("<td>{cell}</td>")).collect();
        format!("<tr>{first}{others}</tr>\n")
    };
    let body: String = rows.map(row).collect();
    if body.is_empty() {
        return NONE.to_owned();
    }
    let head: String = heads.iter().map(|head| format!("<th scope=\"col\">{}</th>", escape(head))).collect();
    let label = escape(label);
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\"><table class=\"{class}\">\n\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>"
    )
}

pub(crate) fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::palette::contrast;
    use plotters::style::RGBColor;

    /// The colours of that name, light and dark.
    fn colours(name: &str) -> [RGBColor; 2] {
        let named = format!("{name}: #");
        let found = STYLE.split(&named).skip(1).map(|text| {
            let part = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
            RGBColor(part(0), part(2), part(4))
        });
        found.collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn texts_stand_out_on_both_grounds() {
        let mut pairs =
            vec![("--badge", "--for"), ("--badge", "--against"), ("--badge", "--open"), ("--ground", "--ink")];
        for ground in ["--ground", "--raised"] {
            pairs.extend(["--ink", "--quiet", "--link"].map(|text| (text, ground)));
        }
        for (text, ground) in pairs {
            for (on, (letters, behind)) in ["light", "dark"].iter().zip(colours(text).into_iter().zip(colours(ground)))
            {
                let found = contrast(letters, behind);
                assert!(found >= 4.5, "{text} on {ground} has {found} on the {on} ground");
            }
        }
    }
}
