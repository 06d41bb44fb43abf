//! The methods: what each writes into a request, how its own answers are read, and how a server reads the request.
//! The order of messages is not here but in the two machines.

pub(crate) mod password;
pub(crate) mod public_key;
pub(crate) mod host_based;
pub(crate) mod keyboard_interactive;
