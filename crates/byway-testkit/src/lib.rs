//! Test support: servers, raw clients, fixtures, conformance replay.
