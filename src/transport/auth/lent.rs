//! Certificates for keys that only an agent has.
//!
//! `CertificateFile` may name one whose key is in the agent by itself (`ssh_config(5)`). libssh2 offers what an agent lists,
//! so that it gets an agent of ours, which lists the certificates, and has them signed for by the real one.

use crate::{
    process::Folder,
    transport::{fields::Fields, host_key::HostKey},
};
use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

// The messages of agents (draft-ietf-sshm-ssh-agent, 3).
const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;

/// The longest message; ssh-agent(1) takes no longer one.
const LONGEST: u32 = 256 * 1024;

/// What RSA signs with, by the certificate's algorithm in what is signed (RFC 8332; draft-ietf-sshm-ssh-agent, 3.6.1).
const RSA: [(&[u8], u32); 2] = [
    (b"rsa-sha2-256-cert-v01@openssh.com", 2),
    (b"rsa-sha2-512-cert-v01@openssh.com", 4),
];

/// A certificate, and the key in the agent that it certifies.
pub struct Certified {
    pub file: PathBuf,
    pub certificate: HostKey,
    pub key: HostKey,
}

/// An agent that has certificates. It ends with its value.
pub struct Lent {
    folder: Folder,
    served: Option<JoinHandle<()>>,
}

impl Lent {
    /// Lends `certified` for one connection; the agent at `real` signs.
    ///
    /// # Errors
    /// The operating system's.
    pub fn new(real: PathBuf, certified: Vec<Certified>) -> io::Result<Self> {
        let folder = Folder::new("hostout-")?;
        let listener = UnixListener::bind(folder.path().join("agent"))?;
        let served = thread::spawn(move || {
            // Whoever asks goes away where it gets no answer.
            serve(&listener, &real, &certified).ok();
        });
        Ok(Self {
            folder,
            served: Some(served),
        })
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Where nobody came it still waits.
        UnixStream::connect(self.socket()).ok();
        if let Some(served) = self.served.take() {
            served.join().ok();
        }
    }
}

fn serve(listener: &UnixListener, real: &Path, certified: &[Certified]) -> io::Result<()> {
    let (mut client, _) = listener.accept()?;
    loop {
        let asked = receive(&mut client)?;
        let answer = match asked.split_first() {
            Some((&REQUEST_IDENTITIES, _)) => Some(identities(certified)),
            Some((&SIGN_REQUEST, rest)) => signed(rest, real, certified),
            _ => None,
        };
        send(&mut client, &answer.unwrap_or_else(|| vec![FAILURE]))?;
    }
}

fn identities(certified: &[Certified]) -> Vec<u8> {
    let count = u32::try_from(certified.len()).unwrap_or_default();
    let mut answer = vec![IDENTITIES_ANSWER];
    answer.extend(count.to_be_bytes());
    for one in certified {
        answer.extend(string(one.certificate.blob()));
        answer.extend(string(one.file.display().to_string().as_bytes()));
    }
    answer
}

/// What the real agent answers when it is asked to sign with the key itself.
fn signed(request: &[u8], real: &Path, certified: &[Certified]) -> Option<Vec<u8>> {
    let mut fields = Fields(request);
    let (certificate, text, flags) = (fields.string()?, fields.string()?, fields.short()?);
    let one = certified
        .iter()
        .find(|one| one.certificate.blob() == certificate)?;
    let holds = |name: &[u8]| text.windows(name.len()).any(|part| part == name);
    let by_name = RSA.iter().find(|(name, _)| holds(name));
    let flags = by_name.map_or(flags, |(_, flags)| *flags);
    let mut asked = vec![SIGN_REQUEST];
    asked.extend(string(one.key.blob()));
    asked.extend(string(text));
    asked.extend(flags.to_be_bytes());
    let mut agent = UnixStream::connect(real).ok()?;
    send(&mut agent, &asked).ok()?;
    receive(&mut agent).ok()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or_default();
    [&length.to_be_bytes(), bytes].concat()
}

fn receive(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut message = vec![0; usize::try_from(length).unwrap_or_default()];
    stream.read_exact(&mut message)?;
    Ok(message)
}

fn send(stream: &mut UnixStream, message: &[u8]) -> io::Result<()> {
    stream.write_all(&string(message))
}
