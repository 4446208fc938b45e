//! Whole builds of small projects. What comes out is run by Node.

mod errors;
mod fixture;
mod modules;
mod packages;
mod places;
mod probe;
