//! A package index on loopback.

use super::project::wheels;
use hostout::buildout::canonical;
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

/// A web server on loopback that wants a login: `/simple/NAME/` lists the wheels of a folder, `/files/FILE` gives a file.
pub(super) struct Server {
    port: u16,
    stopped: Arc<AtomicBool>,
}

impl Server {
    pub(super) fn start(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let folder = folder.to_owned();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                // A client that hangs up is its own affair.
                drop(answer(stream.unwrap(), &folder));
            }
        });
        Self { port, stopped }
    }

    /// Answers nothing any more.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn url(&self, login: &str, path: &str) -> String {
        format!("http://{login}127.0.0.1:{}{path}", self.port)
    }
}

pub(super) fn answer(mut stream: TcpStream, folder: &Path) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or(Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or("").to_owned();
    let mut allowed = false;
    for line in lines {
        let line = line?;
        // "me:secret" in base64
        allowed |= line == "Authorization: Basic bWU6c2VjcmV0";
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
    } else if path.ends_with('/') {
        let files = wheels(folder)
            .into_iter()
            .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
        let ours = files.filter(|file| canonical(file.split('-').next().unwrap()) == name);
        let anchors: Vec<String> = ours
            .map(|file| format!("<a href=\"{file}\">{file}</a>"))
            .collect();
        ("200 OK", "text/html", anchors.concat().into_bytes())
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
