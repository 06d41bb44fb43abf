//! Source and sink with each other and with peers that lie.

mod dialogue;
mod hostile;
