//! The program konko: ssh and serve.

mod option;
mod arguments;

fn main() {}
