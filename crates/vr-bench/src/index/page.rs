//! The index as HTML.

use std::path::Path;
use std::time::SystemTime;

use super::{Listed, Summary};
use crate::markup::escape;
use crate::report::html::{page, table};
use crate::report::verdicts::tally;

const HEADINGS: [&str; 8] = ["run", "experiment", "model", "data", "seeds", "state", "verdicts", "written (UTC)"];

pub(super) fn html(title: &str, folder: &Path, runs: &[Listed]) -> String {
    let broken = runs.iter().filter(|run| run.found.is_err()).count();
    let count = match runs.len() {
        1 => "1 run".to_owned(),
        count => format!("{count} runs"),
    };
    let broken = if broken == 0 { String::new() } else { format!(", {broken} of them cannot be read") };
    let lead = format!("<p class=\"facts\">{count}{broken}. Verdicts are by the rules of this version.</p>\n");
    let rows = runs.iter().map(|run| row(folder, run));
    let runs = table("Runs", &HEADINGS, "texts sortable", rows);
    page(title, &lead, &[("Runs", runs)])
}

fn row(folder: &Path, Listed { name, found }: &Listed) -> Vec<String> {
    let name = escape(name);
    match found {
        Ok(Summary { experiment, model, data, seeds, state, verdicts, written, report }) => {
            let link = report.as_ref().map(|report| report.strip_prefix(folder).unwrap_or(report));
            let name = link.map_or(name.clone(), |link| format!("<a href=\"{}\">{name}</a>", address(link)));
            let texts = [experiment, model, data, &listed(seeds), state].map(|text| escape(text));
            let written = written.map(date).unwrap_or_default();
            std::iter::once(name).chain(texts).chain([tally(verdicts), written]).collect()
        }
        Err(error) => {
            let mut cells = vec![String::new(); HEADINGS.len()];
            cells[0] = name;
            cells[5] = escape(&format!("cannot be read: {error}"));
            cells
        }
    }
}

/// Seeds in a row as a range, others as a list.
fn listed(seeds: &[u64]) -> String {
    match seeds {
        [first, .., last] if seeds.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) => {
            format!("{first} to {last}")
        }
        seeds => seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Date and time to the minute.
fn date(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.get(..16).unwrap_or_default().replace('T', " ")
}

/// A path as a link has it.
fn address(path: &Path) -> String {
    let letter = |byte: u8| match byte {
        b'/' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    path.as_os_str().as_encoded_bytes().iter().copied().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn seeds_and_dates_are_short() {
        assert_eq!([listed(&[0, 1, 2]), listed(&[3, 5]), listed(&[7]), listed(&[])], ["0 to 2", "3, 5", "7", ""]);
        assert_eq!(date(SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_338_399)), "2025-11-28 13:59");
    }

    #[test]
    fn an_address_says_nothing_but_a_path() {
        assert_eq!(address(Path::new("java script:\"é/report.html")), "java%20script%3A%22%C3%A9/report.html");
    }
}
