//! What tests stand on: a sandbox, a project in it, the binary's answers, a host's state.
//!
//! **Invariant:** nothing of the outer machine is read but its tools, its package index and a shared download cache;
//! nothing that a test starts outlives it, not even after a panic.
//! **Not here:** what a verb should do (`verbs`).
//! **To add** a sample project: a folder below `fixtures/`, a function in `project.rs`.

mod balancer;
pub mod compiled;
mod elsewhere;
mod gpg;
mod history;
mod host;
mod index;
mod page;
mod project;
mod run;
mod running;
mod sandbox;
pub mod sshd;
mod state;
mod template;
mod terminal;
mod two;
mod wheel;

pub use balancer::{Backend, Balancer, Visitors};
pub use elsewhere::Elsewhere;
pub use gpg::sign_by_gpg;
pub use history::History;
pub use host::Host;
pub use index::Index;
pub use page::{free_port, page, page_at};
pub use project::Project;
pub use run::Run;
pub use running::Running;
pub use sandbox::{Sandbox, remove_tree, shared_cache};
pub use state::{refs, tree};
pub use template::released;
pub use terminal::{CTRL_C, SIGTERM, at_a_terminal, at_a_terminal_with, conversation};
pub use two::Two;
pub use wheel::write_wheel;
