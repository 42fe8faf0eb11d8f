//! buildout
