//! Messages that stand in no test, and why not.

/// Why, and the messages as they stand in the code.
pub const EXCUSED: &[(&str, &[&str])] = &[
    (
        "a system call or a program would have to fail in the middle of a connection",
        &[
            "can't use the connection: {error}",
            "can't use the connection to {address}: {error}",
            "can't start {name}: {error}",
            "can't run ssh: {error}",
            "can't look for the host key in {}: {error}",
            "can't look for the host key: {}",
            "the server showed no host key",
        ],
    ),
    (
        "asked on a terminal, with a real host at its other end: tests give the answer where the question arises",
        &[
            "{}: nobody has vouched for its {} key {} yet.",
            "other keys of {} are known: {}; this one is new",
            "Is this the host's key?",
            "Passphrase of {}:",
            "Password of {user} on {host}:",
            "Enter passphrase for key '{}': ",
        ],
    ),
    (
        "a connection has to be lost, or two people to meet, in one certain moment",
        &[
            "{host}: the lock is not extended: {error}",
            "{host}: the lock stays until its lease of {lease} s is over: {error}",
            "{host}: go back to {old}",
            "{remote} got another release in between: {by}",
        ],
    ),
    (
        "what is around it stands in a test, the words are owed: this part may only get shorter",
        &[
            "{file} is not the file that the last release pinned: sha256 {} then, {} now",
            "find out who replaced it; one name, version and tag has one file for ever",
            "pin a version by PEP 440",
            "{name}: look how deployment {} ended",
            "{} takes wheels for {theirs}, this machine for {ours}",
            "{error}; `git hostout resume` joins them",
            "{}: nothing was live before, so that {} stays",
            "here: wait {seconds} s",
            "ProxyJump: {error}",
        ],
    ),
];
