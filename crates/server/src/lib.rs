//! An SSH server: accept, authenticate, run processes on a real pty, forward; everything refused until allowed.
