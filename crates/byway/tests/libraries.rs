//! Real libraries, as published, in one project: each used by a route handler as its documentation
//! shows, and asked through HTTP.
//!
//! The packages are installed once for each state of the project's lock file, into `target/`. Tests
//! that run at the same time, also in other processes, wait for the one that installs.

mod libraries {
    mod actions;
    pub(crate) mod auth;
    pub(crate) mod browser;
    mod images;
    pub(crate) mod installed;
    mod interfaces;
    mod modules;
    mod mongodb;
    mod native;
    mod pages;
    mod proxies;
    mod rendered;
    mod samples;
    mod tokens;
    #[cfg(target_os = "linux")]
    mod uploads;
    mod validation;
    mod websockets;
}
