//! The `fifteen` command.
fn main() {}
