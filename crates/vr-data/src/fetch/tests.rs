use super::*;
use crate::{
    cifar10,
    import::tests::{archive, good},
};
use md5::{Digest, Md5};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

/// Serves `content` with ranges, cutting each connection after `most` bytes; notes where each began.
fn serve(content: Vec<u8>, most: usize) -> (String, Arc<Mutex<Vec<usize>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/cifar.tar.gz", listener.local_addr().unwrap());
    let starts = Arc::new(Mutex::new(Vec::new()));
    let noted = starts.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let start = lines
                .take_while(|line| !line.is_empty())
                .filter_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()
                })
                .last()
                .unwrap_or(0_usize);
            noted.lock().unwrap().push(start);
            let rest = &content[start..];
            let status = if start > 0 {
                format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{}", content.len() - 1, content.len())
            } else {
                "200 OK".into()
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
            stream.write_all(head.as_bytes()).unwrap();
            // The client may have gone.
            let _ = stream.write_all(&rest[..rest.len().min(most)]);
        }
    });
    (url, starts)
}

fn content() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar.gz");
    archive(&path, &good());
    fs::read(path).unwrap()
}

fn options(url: String, content: &[u8]) -> FetchOptions {
    FetchOptions { url, md5: download::hex(&Md5::digest(content)), size: Some(content.len() as u64), replace: false }
}

#[test]
fn a_cut_connection_is_taken_up_again() {
    let content = content();
    let most = content.len() / 3 + 1;
    let (url, starts) = serve(content.clone(), most);
    let outer = tempfile::tempdir().unwrap();
    let dest = outer.path().join("set");
    let mut last = None;
    let info = fetch_cifar10(&dest, &options(url, &content), |progress| last = Some(progress)).unwrap();
    assert_eq!(*starts.lock().unwrap(), [0, most, 2 * most]);
    assert_eq!(last, Some(Progress { received: content.len() as u64, total: content.len() as u64 }));
    assert_eq!(cifar10::read(&dest).unwrap().info(), info.info);
    assert_eq!(fs::read_dir(outer.path()).unwrap().count(), 1, "no part is left");
}

#[test]
fn a_part_of_an_earlier_run_is_used() {
    let content = content();
    let (url, starts) = serve(content.clone(), usize::MAX);
    let outer = tempfile::tempdir().unwrap();
    let dest = outer.path().join("set");
    fs::write(part_path(&dest), &content[..100]).unwrap();
    fetch_cifar10(&dest, &options(url, &content), |_| {}).unwrap();
    assert_eq!(*starts.lock().unwrap(), [100]);
}

#[test]
fn a_wrong_checksum_is_refused_and_existing_data_stays() {
    let content = content();
    let (url, starts) = serve(content.clone(), usize::MAX);
    let outer = tempfile::tempdir().unwrap();
    let dest = outer.path().join("set");
    let good = options(url, &content);
    let info = fetch_cifar10(&dest, &good, |_| {}).unwrap();

    let wrong = FetchOptions { md5: OFFICIAL_MD5.into(), replace: true, ..good.clone() };
    let error = fetch_cifar10(&dest, &wrong, |_| {}).unwrap_err();
    assert!(matches!(&error, FetchError::Checksum { expected, .. } if expected == OFFICIAL_MD5), "{error}");
    assert_eq!(cifar10::read(&dest).unwrap().info(), info.info);
    assert!(!part_path(&dest).exists());

    // Without `replace` not even a connection is made.
    let connections = starts.lock().unwrap().len();
    assert!(fetch_cifar10(&dest, &good, |_| {}).unwrap_err().to_string().contains("exists already"));
    assert_eq!(starts.lock().unwrap().len(), connections);
}

#[test]
fn without_a_network_the_error_says_which_files_belong_where() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let outer = tempfile::tempdir().unwrap();
    let dest = outer.path().join("set");
    let error = fetch_cifar10(&dest, &options(url, b"x"), |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }));
    for part in ["data_batch_1.bin", "test_batch.bin", "batches.meta.txt", dest.to_str().unwrap()] {
        assert!(error.to_string().contains(part), "{error}");
    }
    assert!(!dest.exists());
}

/// Serves what `answer` says to each connection, by its number, and counts them.
fn serve_any(answer: impl Fn(usize) -> Vec<u8> + Send + 'static) -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let connections = Arc::new(Mutex::new(0));
    let counted = connections.clone();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            lines.take_while(|line| !line.is_empty()).for_each(drop);
            *counted.lock().unwrap() += 1;
            let _ = stream.write_all(&answer(number));
        }
    });
    (url, connections)
}

fn ok(length: usize, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Longer, shorter, longer: never further than before.
#[test]
fn a_server_that_ignores_ranges_is_not_asked_for_ever() {
    let content = vec![7; 100_000];
    let served = content.clone();
    let (url, connections) = serve_any(move |number| ok(served.len(), &served[..[50_000, 20_000][number % 2]]));
    let outer = tempfile::tempdir().unwrap();
    let error = fetch_cifar10(outer.path().join("set"), &options(url, &content), |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error}");
    assert_eq!(*connections.lock().unwrap(), 4);
}

#[test]
fn a_server_that_brings_a_byte_at_a_time_is_not_asked_for_ever() {
    let content = vec![7; 100_000];
    let served = content.clone();
    let (url, connections) = serve_any(move |number| ok(served.len(), &served[..number + 1]));
    let outer = tempfile::tempdir().unwrap();
    let error = fetch_cifar10(outer.path().join("set"), &options(url, &content), |_| {}).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error}");
    assert!(*connections.lock().unwrap() < 10);
}

#[test]
fn a_server_without_ranges_may_still_deliver() {
    let content = content();
    let served = content.clone();
    let (url, connections) =
        serve_any(move |number| ok(served.len(), &served[..if number == 0 { 100 } else { served.len() }]));
    let outer = tempfile::tempdir().unwrap();
    fetch_cifar10(outer.path().join("set"), &options(url, &content), |_| {}).unwrap();
    assert_eq!(*connections.lock().unwrap(), 2);
}

#[test]
fn a_redirect_is_not_followed() {
    let content = content();
    let (elsewhere, visits) = serve(content.clone(), usize::MAX);
    for status in
        ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
    {
        let answer =
            format!("HTTP/1.1 {status}\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let (url, connections) = serve_any(move |_| answer.clone().into_bytes());
        let outer = tempfile::tempdir().unwrap();
        let error = fetch_cifar10(outer.path().join("set"), &options(url, &content), |_| {}).unwrap_err();
        assert!(error.to_string().contains(&elsewhere) && error.to_string().contains("not followed"), "{error}");
        assert_eq!(*connections.lock().unwrap(), 1);
    }
    assert!(visits.lock().unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn a_linked_part_is_not_written_through() {
    let content = content();
    let (url, starts) = serve(content.clone(), usize::MAX);
    let outer = tempfile::tempdir().unwrap();
    let dest = outer.path().join("set");
    let victim = outer.path().join("victim");
    fs::write(&victim, "thesis").unwrap();
    let options = options(url, &content);
    std::os::unix::fs::symlink(&victim, part_path(&dest)).unwrap();
    assert!(matches!(fetch_cifar10(&dest, &options, |_| {}), Err(FetchError::File(_))));
    fs::remove_file(part_path(&dest)).unwrap();
    fs::hard_link(&victim, part_path(&dest)).unwrap();
    assert!(matches!(fetch_cifar10(&dest, &options, |_| {}), Err(FetchError::File(_))));
    assert_eq!(fs::read(&victim).unwrap(), b"thesis");
    assert!(starts.lock().unwrap().is_empty());
}

/// The server alone says how long it is, also where an earlier run has left a part.
#[test]
fn an_archive_of_unknown_length_is_listed_as_imagenette() {
    let files = ["train", "val"].iter().flat_map(|split| {
        ["n01", "n02"].map(|class| (format!("imagenette2-160/{split}/{class}/0.JPEG"), crate::import::tests::png(3, 9)))
    });
    let folder = tempfile::tempdir().unwrap();
    archive(&folder.path().join("a.tgz"), &files.collect::<Vec<_>>());
    let content = fs::read(folder.path().join("a.tgz")).unwrap();
    let most = content.len() / 2 + 1;
    let (url, starts) = serve(content.clone(), most);
    let dest = folder.path().join("set");
    let options = FetchOptions { size: None, ..options(url, &content) };
    fs::write(part_path(&dest), &content[..10]).unwrap();
    let imported = fetch_imagenette(&dest, "Imagenette (160 px)", &options, |_| {}).unwrap();
    assert_eq!(*starts.lock().unwrap(), [10, 10 + most]);
    assert_eq!((imported.info.name.as_str(), imported.info.train.pictures), ("Imagenette (160 px)", 2));
    assert_eq!(crate::picture_list::open(&dest).unwrap().info(), imported.info);
    for size in ["160", "320", "full"] {
        let options = size.parse::<Imagenette>().unwrap().options();
        assert!(options.url.starts_with("https://") && options.md5.len() == 32);
    }
    assert!("64".parse::<Imagenette>().unwrap_err().to_string().contains("`full`"));
}
