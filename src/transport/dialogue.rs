//! A dialogue with what a host starts by itself on a terminal: passwd(1), when a password has expired.

use ssh2::Session;
use std::io::{Read as _, Write as _};

/// What passwd and PAM end a prompt with.
const PROMPT: [&str; 2] = [": ", ":"];

/// Opens a terminal and answers every prompt until the host ends it with success. `answer` gets the prompt and, before it,
/// what was said since the last one.
///
/// # Errors
/// The last line that the host said.
pub fn on_terminal(
    session: &Session,
    answer: &mut dyn FnMut(&str) -> Option<String>,
) -> Result<(), String> {
    let words = |error: ssh2::Error| error.message().to_lowercase();
    let mut channel = session.channel_session().map_err(words)?;
    channel
        .request_pty("dumb", None, Some((200, 24, 0, 0)))
        .map_err(words)?;
    channel.exec("exit 0").map_err(words)?;
    let (mut said, mut bytes) = (String::new(), [0; 4096]);
    let mut last = "it said nothing".to_owned();
    // A connection that breaks has ended, too: whether it went well is asked of the status.
    while let Ok(count @ 1..) = channel.read(&mut bytes) {
        said.push_str(&String::from_utf8_lossy(&bytes[..count]));
        if let Some(line) = said.lines().rev().find(|line| !line.trim().is_empty()) {
            line.trim().clone_into(&mut last);
        }
        let tail = said.trim_end_matches(['\r', '\n']);
        if said.len() == tail.len() && PROMPT.iter().any(|end| said.ends_with(end)) {
            let Some(text) = answer(said.trim()) else {
                return Err("nobody gave a new password".to_owned());
            };
            said.clear();
            let sent = channel.write_all(format!("{text}\n").as_bytes());
            sent.and_then(|()| channel.flush())
                .map_err(|error| error.to_string())?;
        }
    }
    channel.wait_close().map_err(words)?;
    match channel.exit_status() {
        Ok(0) => Ok(()),
        _ => Err(last),
    }
}
