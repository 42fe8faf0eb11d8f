//! The room as a whole: text in, values or mistakes out.

mod edits;
mod invalid;
mod meaning;
