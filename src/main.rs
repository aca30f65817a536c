//! The `ssh-mcp` program.
fn main() {}
