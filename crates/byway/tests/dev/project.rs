//! A project under `byway dev`, and waiting for what an edit makes of it.

use std::time::{Duration, Instant};

use byway_testkit::{Fixture, RawResponse, TestServer, byway_binary};

/// No edit takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Project {
    pub(crate) files: Fixture,
    pub(crate) server: TestServer,
}

impl Project {
    /// Starts `byway dev` on a project of `files`.
    pub(crate) fn start(files: &[(&str, &str)]) -> Self {
        Self::start_with(files, &[])
    }

    pub(crate) fn start_with(files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let files = Fixture::new(files).unwrap();
        let mut launch =
            TestServer::launch(byway_binary(env!("CARGO_BIN_EXE_byway")), files.path()).dev();
        for argument in arguments {
            launch = launch.arg(argument);
        }
        Self { files, server: launch.start().unwrap() }
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.files.write(path, text).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> RawResponse {
        self.server.get(path).unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        self.get(path).text()
    }

    /// Asks until the answer is `expect`. Requests are the only way to see that a save has taken effect,
    /// and each of them has to get a good answer or one that is awaited.
    pub(crate) fn await_text(&self, path: &str, expect: &str) {
        self.await_that(path, |answer| answer.text() == expect);
    }

    pub(crate) fn await_status(&self, path: &str, status: u16) -> RawResponse {
        self.await_that(path, |answer| answer.status == status)
    }

    pub(crate) fn await_that(
        &self,
        path: &str,
        is_it: impl Fn(&RawResponse) -> bool,
    ) -> RawResponse {
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path);
            if is_it(&answer) {
                return answer;
            }
            let printed = self.server.stderr();
            assert!(Instant::now() < until, "{} {}\n{printed}", answer.status, answer.text());
        }
    }

    pub(crate) fn await_log(&self, needle: &str) {
        let found = self.server.wait_for_log(needle, PATIENCE);
        assert!(found.is_some(), "`{needle}` was not printed:\n{}", self.server.stderr());
    }
}

/// A route that answers GET with what `expression` gives.
pub(crate) fn route(imports: &str, expression: &str) -> String {
    format!("{imports}\nexport const GET = () => new Response(String({expression}))\n")
}
