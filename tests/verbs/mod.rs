//! What each verb does, through the real binary.
//!
//! **Invariant:** a verb is judged by its exit code, its words and the state it leaves, never by its code.
//! **Not here:** decisions (beside the planners, as values).
//! **To add** a verb: a file of its name here.

mod backends;
mod bad_hosts;
mod bootstrap;
mod buildouts;
mod check;
mod combinations;
mod completions;
mod consent;
mod control_characters;
mod data;
mod deploy;
mod divided;
mod django;
mod elsewhere;
mod emergency;
mod fetch;
mod first_hour;
mod frozen;
mod full_disks;
mod health;
mod hooks;
mod host_parts;
mod host_trust;
mod hostile;
mod hygiene;
mod init;
mod interrupt;
mod keys;
mod lock;
mod log;
mod logins;
mod lost;
mod lost_update;
mod operator;
mod own_ssh;
mod papers;
mod pins;
mod preparation;
mod prompts;
mod prune;
mod rebuild;
mod refusals;
mod release;
mod remotes;
mod repositories;
mod resume;
mod rollback;
mod rolling;
mod secrets;
mod shared_store;
mod show;
mod ssh;
mod stages;
mod status;
mod stopped;
mod targets;
mod usage;
mod verify;
