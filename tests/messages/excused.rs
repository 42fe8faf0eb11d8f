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
            "this machine needs no login",
        ],
    ),
    (
        "a connection has to be lost, or two people to meet, in one certain moment",
        &[
            "{host}: the lock is not extended: {}",
            "{host}: the lock stays until its lease of {lease} s is over: {}",
        ],
    ),
];
