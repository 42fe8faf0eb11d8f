//! A package index on loopback that wants a login.

use base64ct::{Base64, Encoding as _};
use hostout::release::normalize;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A web server that knows `me` by a password: `/simple/NAME/` lists the wheels of a folder, `/files/FILE` gives a file.
/// Where `NAME.html` or `NAME.json` is there, that is the page (PEP 503, PEP 691).
pub struct Index {
    port: u16,
    stopped: Arc<AtomicBool>,
}

impl Index {
    /// Serves `folder`.
    pub fn start(folder: &Path, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = folder.to_owned();
        let login = Base64::encode_string(format!("me:{password}").as_bytes());
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // A client that hangs up is its own affair.
                drop(answer(stream.unwrap(), &folder, &login));
            }
        });
        Self { port, stopped }
    }

    /// Answers nothing any more.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// The address of a path, with `login` before the host.
    pub fn url(&self, login: &str, path: &str) -> String {
        format!("http://{login}127.0.0.1:{}{path}", self.port)
    }
}

fn answer(mut stream: TcpStream, folder: &Path, login: &str) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or("").to_owned();
    let mut allowed = false;
    for line in lines {
        let line = line?;
        allowed |= line == format!("Authorization: Basic {login}");
        if line.is_empty() {
            break;
        }
    }
    let name = path
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or("")
        .to_owned();
    let (status, kind, body) = if !allowed {
        ("401 Unauthorized", "text/plain", b"login please".to_vec())
    } else if let Some((kind, page)) = written(folder, &name).filter(|_| path.ends_with('/')) {
        ("200 OK", kind, page)
    } else if path.ends_with('/') {
        ("200 OK", "text/html", list(folder, &name).into_bytes())
    } else if let Ok(bytes) = fs::read(folder.join(&name)) {
        ("200 OK", "application/octet-stream", bytes)
    } else {
        ("404 Not Found", "text/plain", b"no such file".to_vec())
    };
    let head = format!(
        "HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// The page of `name` that a test wrote, with its type.
fn written(folder: &Path, name: &str) -> Option<(&'static str, Vec<u8>)> {
    let kinds = [
        ("html", "text/html"),
        ("json", "application/vnd.pypi.simple.v1+json"),
    ];
    let page = |extension: &str| fs::read(folder.join(format!("{name}.{extension}"))).ok();
    kinds
        .into_iter()
        .find_map(|(extension, kind)| Some((kind, page(extension)?)))
}

/// Links to the wheels of `name`.
fn list(folder: &Path, name: &str) -> String {
    let mut anchors = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let stem = file.strip_suffix(".whl");
        if stem.is_some_and(|stem| normalize(stem.split('-').next().unwrap()) == name) {
            anchors += &format!("<a href=\"{file}\">{file}</a>");
        }
    }
    anchors
}
