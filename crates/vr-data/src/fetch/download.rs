//! A download that can be taken up again.

use super::{FetchError, FetchOptions, Progress};
use md5::{Digest, Md5};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
    thread,
    time::Duration,
};
use vr_files::FileError;

/// Connections tried in a row that bring nothing new.
const FRUITLESS: u32 = 3;
/// A connection that brings less than this part of the whole beyond what was there at best brings nothing new, so that no
/// server can be asked without end.
const LEAST_PART: u64 = 1000;
/// No archive whose length only the server says is longer.
const LARGEST: u64 = 1 << 33;
/// Before the next connection; twice as long after each fruitless one.
const PAUSE: Duration = Duration::from_millis(100);

/// Why one connection ended early.
enum Cut {
    Network(String),
    /// What another try would not change.
    Refused(String),
    Disk(io::Error),
}

/// Completes the file `part` and checks it; its lock lasts as long as the file that is returned.
pub(super) fn download(
    part: &Path,
    instead: &str,
    options: &FetchOptions,
    mut progress: impl FnMut(Progress),
) -> Result<File, FetchError> {
    let disk = |source| FetchError::Io { part: part.to_owned(), source };
    if let Some(folder) = part.parent() {
        fs::create_dir_all(folder).map_err(disk)?;
    }
    let mut file = match vr_files::open_partial(part) {
        Err(FileError::Locked { .. }) => return Err(FetchError::Busy { part: part.to_owned() }),
        file => file?,
    };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // A server may send nobody anywhere else.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        // Of one connection: a server that falls silent is asked anew, from where it stopped.
        .timeout_recv_body(Some(Duration::from_secs(300)))
        .build()
        .into();
    let network = |reason| FetchError::Network { url: options.url.clone(), reason, instead: instead.to_owned() };
    let mut fruitless = 0;
    let mut most = file.metadata().map_err(disk)?.len();
    let mut there = most;
    let mut size = options.size;
    while size.is_none_or(|size| there < size) {
        let cut = match receive(&agent, &mut file, there, &options.url, &mut size, &mut progress) {
            Ok(()) => "the connection was closed early".to_owned(),
            Err(Cut::Disk(error)) => return Err(disk(error)),
            Err(Cut::Refused(reason)) => return Err(network(reason)),
            Err(Cut::Network(reason)) => reason,
        };
        there = file.metadata().map_err(disk)?.len();
        if size.is_some_and(|size| there >= size) {
            break;
        }
        // Against the best so far: a server without ranges may bring the same over and over.
        fruitless = if there > most.saturating_add(size.unwrap_or(0) / LEAST_PART) { 0 } else { fruitless + 1 };
        most = most.max(there);
        if fruitless == FRUITLESS {
            return Err(network(cut));
        }
        tracing::warn!(received = there, of = size, reason = cut, "taking the download up again");
        thread::sleep(PAUSE * (1 << fruitless));
    }
    let found = md5_of(&mut file).map_err(disk)?;
    if !found.eq_ignore_ascii_case(&options.md5) {
        // Kept, it would be taken up again for ever.
        fs::remove_file(part).map_err(disk)?;
        return Err(FetchError::Checksum { url: options.url.clone(), found, expected: options.md5.clone() });
    }
    file.sync_all().map_err(disk)?;
    Ok(file)
}

/// Appends what one connection delivers.
fn receive(
    agent: &ureq::Agent,
    file: &mut File,
    offset: u64,
    url: &str,
    size: &mut Option<u64>,
    progress: &mut impl FnMut(Progress),
) -> Result<(), Cut> {
    let mut request = agent.get(url);
    if offset > 0 {
        request = request.header("Range", format!("bytes={offset}-"));
    }
    let response = request.call().map_err(|error| Cut::Network(error.to_string()))?;
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let range = header("content-range").and_then(|value| value.strip_prefix("bytes ")).unwrap_or_default();
    let resumed = range.starts_with(&format!("{offset}-"));
    let said = match response.status().as_u16() {
        206 => range.rsplit_once('/').and_then(|(_, size)| size.parse().ok()),
        200 => header("content-length").and_then(|size| size.parse().ok()),
        _ => None,
    };
    let mut received = match response.status().as_u16() {
        206 if resumed => offset,
        // A server without ranges starts over.
        200 => 0,
        status @ 300..400 => {
            let to = response
                .headers()
                .get("location")
                .map(|to| String::from_utf8_lossy(to.as_bytes()).escape_debug().to_string());
            let to = to.unwrap_or_else(|| "elsewhere".into());
            return Err(Cut::Refused(format!(
                "the server answered with status {status}, to {to}; redirects are not followed"
            )));
        }
        status => return Err(Cut::Network(format!("the server answered with status {status}"))),
    };
    let total = match size.or(said) {
        Some(total) if total <= LARGEST => *size.insert(total),
        Some(total) => {
            return Err(Cut::Refused(format!("{total} bytes are too many; at most {LARGEST} were expected")));
        }
        None => return Err(Cut::Refused("the server does not say how long the archive is".into())),
    };
    file.set_len(received).and_then(|()| file.seek(SeekFrom::Start(received))).map_err(Cut::Disk)?;
    // One byte more than expected is enough to fail the checksum.
    let mut body = response.into_body().into_reader().take(total.saturating_add(1).saturating_sub(received));
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = body.read(&mut buffer).map_err(|error| Cut::Network(error.to_string()))?;
        if count == 0 {
            return Ok(());
        }
        file.write_all(&buffer[..count]).map_err(Cut::Disk)?;
        received += count as u64;
        progress(Progress { received, total });
    }
}

fn md5_of(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hasher = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..count]);
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
