//! P06: code that changes while a request is under way.

use std::time::Duration;

use byway_testkit::{Fixture, byway_binary};

fn version(number: u32) -> String {
    format!(
        "import {{ writeFileSync }} from 'node:fs'\n\
         export async function GET(request: Request) {{\n\
         \x20 if (new URL(request.url).searchParams.has('slow')) {{\n\
         \x20   console.error('slow began')\n\
         \x20   await new Promise((resolve) => setTimeout(resolve, 2500))\n\
         \x20 }}\n\
         \x20 const part = await import('./part')\n\
         \x20 return new Response(`route {number} part ${{part.number}}`)\n\
         }}\n\
         void writeFileSync\n"
    )
}

#[test]
fn p06_a_route_that_is_swapped_under_way_is_finished_by_its_own_build() {
    let part = |number: u32| format!("export const number = {number}\n");
    let fixture =
        Fixture::new(&[("app/v/route.ts", version(1)), ("app/v/part.ts", part(1))]).unwrap();
    let binary = byway_binary(env!("CARGO_BIN_EXE_byway"));
    let server = fixture.serve(&binary).unwrap();
    assert_eq!(server.get("/v").unwrap().text(), "route 1 part 1");
    let mut slow = server.connect().unwrap();
    slow.send("GET /v?slow HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(server.wait_for_log("slow began", Duration::from_secs(10)).is_some());
    fixture.write("app/v/route.ts", version(2)).unwrap();
    fixture.write("app/v/part.ts", part(2)).unwrap();
    assert_eq!(fixture.build(&binary).unwrap().code(), Some(0));
    let begun = std::time::Instant::now();
    while server.get("/v").unwrap().text() != "route 2 part 2" {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", server.stderr());
    }
    // It imports its other half only now, and gets the one that it was built with.
    assert_eq!(slow.read().unwrap().text(), "route 1 part 1");
}
