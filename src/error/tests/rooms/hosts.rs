//! The way to a host, the conversation with its agent, and what is carried out there.

use super::*;
use crate::{
    host::{End, ListenError, Listener, PutAnswer},
    transport::{ConversationError, Destination},
};
use execute::Error as E;
use std::io::Write as _;
use transport::Error as Way;

pub fn all() -> Vec<Error> {
    let (host, stage) = (|| s("web1"), || s("staging"));
    let mut all = vec![
        E::Unreachable(Way::NotStarted {
            host: host(),
            command: s("python3"),
            message: s("the connection was lost before"),
        }),
        E::Unreachable(Way::Lost {
            host: host(),
            command: s("python3"),
            message: s("the server was silent for 30 s"),
        }),
        E::Locked {
            host: host(),
            holder: s("Ben (prepare)"),
            stage: s("staging"),
        },
        E::Untrusted {
            host: s("web1"),
            what: s("the manifest of 1.4.2 is not signed by a key that this host knows"),
            hint: Some(s("ask who made it")),
        },
        E::Changed {
            host: host(),
            what: s("1.4.1 is live, not 1.4.0"),
        },
        E::Overtaken {
            host: host(),
            what: s("1.4.1 is live, not 1.4.0"),
        },
        E::File {
            what: "write",
            path: PathBuf::from("/home/ada/shop/.git/hostout/unfinished.toml"),
            source: denied(),
        },
        E::Strange("a release"),
        E::Store {
            store: s("ssh://web1/srv/store"),
            message: s("sh: 1: cd: can't cd to /srv/store"),
        },
        E::Stopped {
            stage: stage(),
            again: s("deploy staging 1.4.2"),
            live: vec![(host(), Live::New(s("1.4.2")))],
        },
        E::Left {
            host: host(),
            stage: stage(),
        },
    ];
    all.extend(silent().map(|error| E::Conversation {
        host: host(),
        stage: stage(),
        why: Box::new(ConversationError::NoAnswer {
            host: host(),
            message: error.to_string(),
        }),
    }));
    let mut all: Vec<Error> = all.into_iter().map(Error::from).collect();
    for wrong in [
        "web 1", "@web1", "ada@", "-web1", "web1:0", "[::1", "[::1]x", "[web1]", "::1", "web1;x",
    ] {
        let error = wrong.parse::<Destination>().unwrap_err();
        all.push(Error::Unreachable(Way::Unreachable {
            host: s(wrong),
            message: error.to_string(),
            hint: error.hint(),
            refused: None,
        }));
    }
    all.extend(bare());
    all
}

/// What stands in the way of a bootstrap.
fn bare() -> impl Iterator<Item = Error> {
    let (host, user) = (|| s("web1"), || s("root"));
    let refused = || Way::Unreachable {
        host: host(),
        message: s("login as deploy was refused; offered: nothing"),
        hint: None,
        refused: Some(s("deploy")),
    };
    let seen = [
        observe::BareError::Transport(refused()),
        observe::BareError::Another {
            host: host(),
            user: s("ubuntu"),
        },
        observe::BareError::Expired {
            host: host(),
            user: user(),
        },
        observe::BareError::NotRenewed {
            host: s("root@web1:2222"),
            user: s("root"),
            said: s("You must choose a longer password."),
        },
        observe::BareError::NotRoot {
            host: host(),
            user: s("ada"),
            no: observe::No::Password,
            said: s("sudo: 3 incorrect password attempts"),
        },
        observe::BareError::NotRoot {
            host: host(),
            user: s("ada"),
            no: observe::No::NotForThem,
            said: s("ada is not in the sudoers file."),
        },
        observe::BareError::NoAnswer {
            host: host(),
            said: s("This account is currently not available."),
        },
    ];
    let again = || s("bootstrap staging --hardening");
    let seen = seen.map(|why| Error::Bare {
        why,
        again: again(),
    });
    let made = [
        E::Bootstrap {
            host: host(),
            again: again(),
            message: s("folders: mkdir: cannot create directory '/srv/shop'"),
            remedy: s("name another path for the stage"),
        },
        E::BootstrapStopped { again: again() },
        E::BootstrapLeft {
            host: host(),
            what: s("apt-get installs python3"),
            again: again(),
        },
        E::Unproved {
            host: host(),
            user: s("deploy"),
            again: again(),
            source: Box::new(refused()),
        },
    ];
    seen.into_iter().chain(made.map(Error::from))
}

/// What answers when it isn't the agent.
fn silent() -> impl Iterator<Item = ListenError> {
    [
        "",
        "Welcome to web1!\n",
        "{\"end\": \"ok\", \"sha256\": 1}\n",
    ]
    .into_iter()
    .filter_map(|said| {
        let mut listener = Listener::new(|_| {});
        listener.write_all(said.as_bytes()).unwrap();
        let end = listener.end();
        end.and_then(End::read::<PutAnswer>).err()
    })
}
