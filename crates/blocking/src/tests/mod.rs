mod harness;
mod transfers;
mod waits;
mod endings;
mod streams;
