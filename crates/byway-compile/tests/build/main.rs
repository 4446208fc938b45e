//! Whole builds of small projects. What comes out is run by Node.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its project has to stop")]

mod develop;
mod errors;
mod fixture;
mod modules;
mod packages;
mod pages;
mod places;
