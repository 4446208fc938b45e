//! Actions while a project is being written.

use std::time::{Duration, Instant};

use byway_testkit::{Fixture, RawResponse, TestServer, byway_binary};

use super::result;

const PATIENCE: Duration = Duration::from_secs(20);

/// Asks until the answer is as expected: requests are the only way to see that a save has taken effect.
fn await_answer(
    server: &TestServer,
    id: &str,
    is_it: impl Fn(&RawResponse) -> bool,
) -> RawResponse {
    let until = Instant::now() + PATIENCE;
    loop {
        let headers = [("Next-Action", id), ("Content-Type", "text/plain")];
        let answer = server.request("POST", "/", &headers, "[]").unwrap();
        if is_it(&answer) {
            return answer;
        }
        assert!(Instant::now() < until, "{} {}\n{}", answer.status, answer.text(), server.stderr());
    }
}

#[test]
fn new_and_edited_actions_are_called_as_they_are() {
    let files = Fixture::new(&[
        ("app/page.tsx", "export default () => null\n"),
        ("app/api/x/route.ts", "export const GET = () => new Response('x')\n"),
        ("app/actions.ts", "export async function say() {}\n"),
    ])
    .unwrap();
    let launch = TestServer::launch(byway_binary(env!("CARGO_BIN_EXE_byway")), files.path()).dev();
    let server = launch.start().unwrap();
    await_answer(&server, ID, |answer| answer.status == 501);
    let write = |body: &str| {
        let code = format!("'use server'\nexport async function say() {{ {body} }}\n");
        files.write("app/actions.ts", code).unwrap();
    };
    write("return 'first'");
    let answer = await_answer(&server, ID, |answer| answer.status == 200);
    assert_eq!(result(&answer), "\"first\"");
    write("return 'second'");
    await_answer(&server, ID, |answer| answer.status == 200 && result(answer) == "\"second\"");
    // A developer's client learns what failed.
    write("throw new Error('told to developers')");
    let answer = await_answer(&server, ID, |answer| answer.status == 500);
    assert!(result(&answer).contains("told to developers"), "{}", answer.text());
    assert!(server.wait_for_log("told to developers", PATIENCE).is_some());
    files.remove("app/actions.ts").unwrap();
    await_answer(&server, ID, |answer| answer.status == 501);
}

/// Of `say` in `app/actions.ts` without a key: `sha1("app/actions.ts:say")`.
const ID: &str = "00cd11745f0e4e92a8a81638b558c0bca0cf9bac60";
