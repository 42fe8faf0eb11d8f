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
    (
        "a file system on which nothing is locked, or an artifact would have to vanish, in one certain moment",
        &[
            "it prepared the release, and says that it does not keep the lock; do locks work on the file system of the \
             stage's path?",
            "artifact {} is gone",
            "artifact {} changed",
            "it is larger than it should be",
        ],
    ),
];
