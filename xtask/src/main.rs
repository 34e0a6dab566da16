//! The project's own tasks: `cargo xtask test`, `conformance`, `clients`.
fn main() {}
