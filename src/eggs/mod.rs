//! eggs
