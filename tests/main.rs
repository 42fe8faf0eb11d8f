//! Tests that run real programs.

mod buildout;
