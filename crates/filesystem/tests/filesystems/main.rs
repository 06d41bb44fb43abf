//! File systems as a server would use them.

mod snapshot;
mod ordinary;
mod escape;
mod race;
mod policy;
mod served;
