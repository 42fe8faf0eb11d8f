//! What a server offers to agree on, where libssh2 only says that there was no agreement (RFC 4253, 7.1).

use super::{error::Failure, fields::Fields, ssh_options::Options, stream};
use ssh2::{MethodType, Session};
use std::{
    io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

/// `SSH_MSG_KEXINIT`.
const KEXINIT: u8 = 20;

/// The longest packet that has to be taken (RFC 4253, 6.1).
const LONGEST: usize = 35_000;

/// What has to be agreed on in the order of the packet, what people call it, and the keyword of `sshd_config(5)`.
const MATTERS: [(MethodType, &str, &str); 6] = [
    (MethodType::Kex, "key exchange method", "KexAlgorithms"),
    (MethodType::HostKey, "type of host key", "HostKeyAlgorithms"),
    (MethodType::CryptCs, "cipher", "Ciphers"),
    (MethodType::CryptSc, "cipher", "Ciphers"),
    (MethodType::MacCs, "MAC", "MACs"),
    (MethodType::MacSc, "MAC", "MACs"),
];

/// Names that are no methods, but tell of an extension (RFC 8308, 2.1, and OpenSSH's PROTOCOL).
const EXTENSIONS: [&str; 2] = ["ext-info-", "kex-strict-"];

/// What `session` and the server of `options` have not in common, if that is it. `host_keys` are those that may be shown.
pub fn disagreement(
    session: &Session,
    options: &Options,
    file: Option<&Path>,
    host_keys: &str,
) -> Option<Failure> {
    let offered = ask(options, file).ok()?;
    for ((method, name, keyword), theirs) in MATTERS.iter().zip(&offered) {
        let ours: Vec<&str> = match method {
            MethodType::HostKey => host_keys.split(',').collect(),
            method => session.supported_algs(*method).ok()?,
        };
        let is_one = |name: &&str| !EXTENSIONS.iter().any(|begin| name.starts_with(begin));
        let ours: Vec<&str> = ours.into_iter().filter(is_one).collect();
        let theirs: Vec<&str> = theirs.split(',').filter(is_one).collect();
        if !theirs.iter().any(|one| ours.contains(one)) {
            let (ours, theirs) = (
                ours.join(", "),
                theirs.join(", ").escape_debug().to_string(),
            );
            return Some(
                Failure::new(format!(
                    "the ssh handshake failed: there is no {name} in common; the server offers {theirs}; taken are {ours}"
                ))
                .hint(format!(
                    "git-hostout logs in by libssh2, which does not know all that ssh does: allow one of its own with {keyword} \
                     in sshd_config there"
                )),
            );
        }
    }
    None
}

/// The first six lists of names that the server begins with.
fn ask(options: &Options, file: Option<&Path>) -> io::Result<Vec<String>> {
    let stream =
        stream::open(options, file).map_err(|failure| io::Error::other(failure.message))?;
    let socket = TcpStream::from(stream.socket);
    socket.set_read_timeout(Some(options.connect_timeout))?;
    (&socket).write_all(b"SSH-2.0-hostout\r\n")?;
    let mut reader = BufReader::new(socket.take(u64::try_from(2 * LONGEST).unwrap_or(u64::MAX)));
    let mut line = Vec::new();
    while !line.starts_with(b"SSH-") {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    let mut length = [0; 4];
    reader.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    let mut packet = vec![0; length.min(LONGEST)];
    reader.read_exact(&mut packet)?;
    lists(&packet).ok_or_else(|| ErrorKind::InvalidData.into())
}

/// Reads a packet: the length of its padding, its kind, 16 bytes by chance, lists.
fn lists(packet: &[u8]) -> Option<Vec<String>> {
    if *packet.get(1)? != KEXINIT {
        return None;
    }
    let mut fields = Fields(packet.get(18..)?);
    let list = |_| Some(String::from_utf8_lossy(fields.string()?).into_owned());
    MATTERS.iter().map(list).collect()
}
