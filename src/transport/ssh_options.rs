//! The options of `ssh_config(5)` that we keep to, read from what `ssh -G` prints.

use std::{collections::HashMap, env, net::IpAddr, num::NonZeroU16, path::PathBuf, time::Duration};

/// How long a connection may take to come up when the configuration sets no `ConnectTimeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long an idle connection waits before it asks the server for a sign of life, and how often it does so in vain,
/// when the configuration sets no `ServerAliveInterval`.
const ALIVE: (Duration, u32) = (Duration::from_secs(15), 4);

/// One host's options. Fields are named after their keywords.
#[expect(missing_docs, reason = "ssh_config(5) describes the keywords")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The host as it was asked for (`%n`).
    pub original: String,
    pub hostname: String,
    pub user: String,
    pub port: u16,
    pub address_family: AddressFamily,
    pub connect_timeout: Duration,
    /// Tries to connect, one a second.
    pub connection_attempts: u32,
    pub proxy: Option<Proxy>,
    pub identity_files: Vec<PathBuf>,
    pub certificate_files: Vec<PathBuf>,
    pub identities_only: bool,
    pub identity_agent: IdentityAgent,
    /// Ways to log in, in the order of `PreferredAuthentications`.
    pub methods: Vec<Method>,
    pub revoked_host_keys: Option<PathBuf>,
    pub user_known_hosts: Vec<PathBuf>,
    pub global_known_hosts: Vec<PathBuf>,
    pub host_key_alias: Option<String>,
    pub host_key_algorithms: Vec<String>,
    pub hash_known_hosts: bool,
    pub strict: Strict,
    pub alive_interval: Duration,
    pub alive_count: u32,
    /// Whether this ssh has `SessionType` and `ForkAfterAuthentication` (OpenSSH 8.7).
    pub knows_session_type: bool,
    /// The program that ssh asks for host keys besides.
    pub known_hosts_command: Option<String>,
    /// The address to connect from.
    pub bind_address: Option<String>,
    /// The interface to connect from, which only ssh itself keeps to.
    pub bind_interface: Option<String>,
    /// What ssh-add is told when a key goes into the agent (`AddKeysToAgent`); nothing = it does not.
    pub add_to_agent: Option<Vec<String>>,
    /// Where one ssh may wait for others of this host.
    pub control_path: Option<PathBuf>,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    PublicKey,
    Password,
    KeyboardInteractive,
}

impl Method {
    /// In the order in which they are tried by default.
    pub const ALL: [Self; 3] = [Self::PublicKey, Self::Password, Self::KeyboardInteractive];

    /// Its name (RFC 4252, 5).
    pub fn name(self) -> &'static str {
        match self {
            Self::PublicKey => "publickey",
            Self::Password => "password",
            Self::KeyboardInteractive => "keyboard-interactive",
        }
    }
}

/// Which addresses may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    Any,
    Inet,
    Inet6,
}

/// What stands between us and the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// `[user@]host[:port]`, several by comma.
    Jump(String),
    /// A line for a shell, tokens not yet expanded.
    Command(String),
    /// The same for one that hands over a connected socket (`ProxyUseFdpass`).
    Handing(String),
}

/// Where the agent listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityAgent {
    /// At `$SSH_AUTH_SOCK`.
    Environment,
    /// Nowhere: it may not be used.
    None,
    /// At this socket.
    Socket(PathBuf),
}

/// What happens with a host key nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strict {
    /// Refused.
    Yes,
    /// A person is asked.
    Ask,
    /// Taken and remembered. A changed key is refused all the same.
    AcceptNew,
}

impl Options {
    /// ssh's defaults, for a machine without ssh.
    pub fn without_ssh(user: &str, host: &str, port: Option<NonZeroU16>) -> Self {
        let port = port.map_or(22, NonZeroU16::get);
        let text = format!(
            "user {user}\nhostname {host}\nport {port}\n\
             identityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ecdsa\nidentityfile ~/.ssh/id_ed25519\n\
             userknownhostsfile ~/.ssh/known_hosts ~/.ssh/known_hosts2\n\
             globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n"
        );
        Self::parse(&text, host)
    }

    /// Reads `keyword value` lines. What is left out, or empty, has ssh's default.
    pub fn parse(text: &str, original: &str) -> Self {
        let mut values: HashMap<&str, Vec<&str>> = HashMap::new();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let lines = lines.map(|(keyword, value)| (keyword, value.trim()));
        for (keyword, value) in lines.filter(|(_, value)| !value.is_empty()) {
            values.entry(keyword).or_default().push(value);
        }
        let all = |keyword: &str| values.get(keyword).map(Vec::as_slice).unwrap_or_default();
        let one = |keyword: &str| all(keyword).first().copied();
        let yes = |keyword: &str| matches!(one(keyword), Some("yes" | "true"));
        let seconds = |keyword: &str| {
            let number = one(keyword).and_then(|value| value.parse().ok());
            number.filter(|number| *number > 0).map(Duration::from_secs)
        };
        let words = |keyword: &str| one(keyword).map(paths).unwrap_or_default();

        let mut options = Self {
            original: original.to_owned(),
            hostname: one("hostname").unwrap_or(original).to_owned(),
            user: one("user").unwrap_or_default().to_owned(),
            port: one("port").and_then(|port| port.parse().ok()).unwrap_or(22),
            address_family: match one("addressfamily") {
                Some("inet") => AddressFamily::Inet,
                Some("inet6") => AddressFamily::Inet6,
                _ => AddressFamily::Any,
            },
            connect_timeout: seconds("connecttimeout").unwrap_or(CONNECT_TIMEOUT),
            connection_attempts: one("connectionattempts")
                .and_then(|attempts| attempts.parse().ok())
                .unwrap_or(1)
                .max(1),
            proxy: None,
            identity_files: Vec::new(),
            certificate_files: Vec::new(),
            identities_only: yes("identitiesonly"),
            identity_agent: IdentityAgent::Environment,
            methods: methods(one, yes("batchmode")),
            revoked_host_keys: None,
            user_known_hosts: Vec::new(),
            global_known_hosts: Vec::new(),
            host_key_alias: one("hostkeyalias").map(str::to_owned),
            host_key_algorithms: one("hostkeyalgorithms")
                .map(|names| names.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
            hash_known_hosts: yes("hashknownhosts"),
            strict: match one("stricthostkeychecking") {
                Some("yes" | "true") => Strict::Yes,
                Some("no" | "off" | "false" | "accept-new") => Strict::AcceptNew,
                _ => Strict::Ask,
            },
            alive_interval: ALIVE.0,
            alive_count: ALIVE.1,
            knows_session_type: one("sessiontype").is_some(),
            known_hosts_command: one("knownhostscommand")
                .filter(|command| *command != "none")
                .map(str::to_owned),
            bind_address: one("bindaddress").map(str::to_owned),
            bind_interface: one("bindinterface").map(str::to_owned),
            add_to_agent: one("addkeystoagent").and_then(add_to_agent),
            // Printed as it is to be used.
            control_path: one("controlpath")
                .filter(|path| *path != "none")
                .map(PathBuf::from),
        };
        if let Some(interval) = seconds("serveraliveinterval") {
            let count = one("serveralivecountmax").and_then(|count| count.parse().ok());
            options.alive_interval = interval;
            options.alive_count = count.unwrap_or(3);
        }
        options.proxy = proxy(one, yes("proxyusefdpass"));
        let expand = |path: &&str| options.path(path);
        let named = |keyword: &str| -> Vec<PathBuf> {
            let files = all(keyword).iter().filter(|file| **file != "none");
            files.map(expand).collect()
        };
        let identity_files = named("identityfile");
        let certificate_files = named("certificatefile");
        let revoked_host_keys = named("revokedhostkeys").into_iter().next();
        let user_known_hosts = words("userknownhostsfile").iter().map(expand).collect();
        let global_known_hosts = words("globalknownhostsfile").iter().map(expand).collect();
        options.identity_agent = match one("identityagent") {
            None | Some("SSH_AUTH_SOCK") => IdentityAgent::Environment,
            Some("none") => IdentityAgent::None,
            Some(path) => match path.strip_prefix('$').filter(|name| !name.starts_with('{')) {
                Some(variable) => match env::var_os(variable) {
                    Some(socket) => IdentityAgent::Socket(socket.into()),
                    None => IdentityAgent::None,
                },
                None => IdentityAgent::Socket(options.path(path)),
            },
        };
        options.revoked_host_keys = revoked_host_keys;
        options.identity_files = identity_files;
        options.certificate_files = certificate_files;
        options.user_known_hosts = user_known_hosts;
        options.global_known_hosts = global_known_hosts;
        options
    }

    /// The name under which `known_hosts` files know this host (`sshd(8)`, `SSH_KNOWN_HOSTS` file format).
    pub fn known_hosts_name(&self) -> String {
        match (&self.host_key_alias, self.port) {
            (Some(alias), _) => alias.clone(),
            (None, 22) => self.hostname.to_lowercase(),
            (None, port) => format!("[{}]:{port}", self.hostname.to_lowercase()),
        }
    }

    /// Whether `address` may be used.
    pub fn allows(&self, address: IpAddr) -> bool {
        match self.address_family {
            AddressFamily::Any => true,
            AddressFamily::Inet => address.is_ipv4(),
            AddressFamily::Inet6 => address.is_ipv6(),
        }
    }

    /// Replaces the tokens of `ssh_config(5)`, TOKENS. Unknown ones stay.
    pub fn expand(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            expanded.push_str(before);
            let home = || env::home_dir().unwrap_or_default().display().to_string();
            let mut tail = after.chars();
            match tail.next() {
                Some('h') => expanded.push_str(&self.hostname),
                Some('n') => expanded.push_str(&self.original),
                Some('p') => expanded.push_str(&self.port.to_string()),
                Some('r') => expanded.push_str(&self.user),
                Some('u') => expanded.push_str(&env::var("USER").unwrap_or_default()),
                Some('d') => expanded.push_str(&home()),
                Some('i') => expanded.push_str(&rustix::process::getuid().as_raw().to_string()),
                Some('j') => expanded.push_str(self.jump()),
                Some('k') => {
                    let name = self.host_key_alias.as_ref();
                    expanded.push_str(name.unwrap_or(&self.original));
                }
                Some('l') => expanded.push_str(&machine()),
                Some('L') => expanded.push_str(machine().split('.').next().unwrap_or_default()),
                Some('%') | None => expanded.push('%'),
                Some(other) => expanded.extend(['%', other]),
            }
            rest = tail.as_str();
        }
        expanded + rest
    }

    fn jump(&self) -> &str {
        match &self.proxy {
            Some(Proxy::Jump(jump)) => jump,
            Some(Proxy::Command(_) | Proxy::Handing(_)) | None => "",
        }
    }

    fn path(&self, text: &str) -> PathBuf {
        let mut text = self.expand(text);
        while let Some((before, variable, after)) =
            text.split_once("${").and_then(|(before, rest)| {
                let (variable, after) = rest.split_once('}')?;
                Some((before, variable, after))
            })
        {
            let value = env::var(variable).unwrap_or_default();
            text = format!("{before}{value}{after}");
        }
        match text.strip_prefix("~/") {
            Some(rest) => env::home_dir().unwrap_or_default().join(rest),
            None => PathBuf::from(text),
        }
    }
}

/// The ways to log in that `one` value of a keyword each leaves over; `silent` = nobody is asked anything.
fn methods<'v>(one: impl Fn(&str) -> Option<&'v str>, silent: bool) -> Vec<Method> {
    let is_on = |keyword: &str| !matches!(one(keyword), Some("no" | "false"));
    let mut methods = match one("preferredauthentications") {
        None => Method::ALL.to_vec(),
        Some(names) => {
            let known = |name: &str| Method::ALL.into_iter().find(|method| method.name() == name);
            names.split(',').filter_map(known).collect()
        }
    };
    methods.retain(|method| match method {
        Method::PublicKey => is_on("pubkeyauthentication"),
        Method::Password => is_on("passwordauthentication") && !silent,
        Method::KeyboardInteractive => is_on("kbdinteractiveauthentication") && !silent,
    });
    methods
}

/// The proxy that `one` value of a keyword each leads to; `hands` = its command hands over a connected socket.
fn proxy<'v>(one: impl Fn(&str) -> Option<&'v str>, hands: bool) -> Option<Proxy> {
    let named = |keyword: &str| one(keyword).filter(|value| *value != "none");
    if let Some(jump) = named("proxyjump") {
        return Some(Proxy::Jump(jump.to_owned()));
    }
    let command = named("proxycommand")?.to_owned();
    Some(if hands {
        Proxy::Handing(command)
    } else {
        Proxy::Command(command)
    })
}

/// What ssh-add is told for a value of `AddKeysToAgent`. Nobody is asked here whether a key may go there (`ask`).
fn add_to_agent(value: &str) -> Option<Vec<String>> {
    let mut options = Vec::new();
    for word in value.split(' ') {
        match word {
            "yes" | "true" => {}
            "confirm" => options.push("-c".to_owned()),
            seconds if seconds.parse::<u32>().is_ok() => {
                options.extend(["-t".to_owned(), seconds.to_owned()]);
            }
            _ => return None,
        }
    }
    Some(options)
}

/// What this machine calls itself.
fn machine() -> String {
    let here = rustix::system::uname();
    here.nodename().to_string_lossy().into_owned()
}

/// Splits a list of paths; ssh prints them unquoted, and every one begins with `/` or `~`.
fn paths(text: &str) -> Vec<&str> {
    let mut paths = Vec::new();
    let mut begin = 0;
    for (at, _) in text.match_indices(' ') {
        if text[at + 1..].starts_with(['/', '~']) {
            paths.push(&text[begin..at]);
            begin = at + 1;
        }
    }
    paths.push(&text[begin..]);
    paths.retain(|path| !path.is_empty() && *path != "none");
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_prints_is_read() {
        let options = Options::parse(
            "user jane\nhostname 192.0.2.1\nport 2222\nidentityfile /k/with space\nidentityfile /k/%r@%h\n\
             userknownhostsfile /a b/kh /c/kh\nstricthostkeychecking accept-new\nproxycommand nc %h %p %%\n\
             connecttimeout none\nconnectionattempts 3\nserveraliveinterval 5\nserveralivecountmax 2\nidentityagent none\n",
            "web1",
        );
        assert_eq!(options.user, "jane");
        assert_eq!(
            options.identity_files,
            ["/k/with space", "/k/jane@192.0.2.1"].map(PathBuf::from)
        );
        assert_eq!(
            options.user_known_hosts,
            ["/a b/kh", "/c/kh"].map(PathBuf::from)
        );
        assert_eq!(options.strict, Strict::AcceptNew);
        assert_eq!(options.connect_timeout, CONNECT_TIMEOUT);
        assert_eq!(options.connection_attempts, 3);
        assert_eq!(
            (options.alive_interval, options.alive_count),
            (Duration::from_secs(5), 2)
        );
        assert_eq!(options.identity_agent, IdentityAgent::None);
        assert_eq!(options.known_hosts_name(), "[192.0.2.1]:2222");
        let Some(Proxy::Command(line)) = &options.proxy else {
            panic!("{:?}", options.proxy);
        };
        assert_eq!(options.expand(line), "nc 192.0.2.1 2222 %");
    }

    #[test]
    fn without_ssh_there_are_its_defaults() {
        let options = Options::without_ssh("deploy", "Web1", None);
        assert_eq!((options.user.as_str(), options.port), ("deploy", 22));
        assert_eq!(options.known_hosts_name(), "web1");
        assert_eq!(options.strict, Strict::Ask);
        let empty = Options::parse("hostname \nhostkeyalias \n", "web1");
        assert_eq!(empty.known_hosts_name(), "web1");
        assert!(options.user_known_hosts[0].ends_with(".ssh/known_hosts"));
    }
}
