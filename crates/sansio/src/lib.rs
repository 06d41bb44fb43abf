//! The shape that every protocol machine of konko has, the two buffers it stands on, and its timer table.
//!
//! A machine takes bytes and time and gives bytes; it owns no socket, clock, task or waker.

pub mod machine;
pub mod input;
pub mod output;
pub mod timers;

pub use input::InputBuffer;
pub use machine::Machine;
pub use output::OutputBuffer;
pub use timers::Timers;
