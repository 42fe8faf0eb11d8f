//! Ways to a host.

mod contract;
