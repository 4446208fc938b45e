//! The byway binary.
fn main() {}
