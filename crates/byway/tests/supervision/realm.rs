//! What one request does to the realm that all requests of a worker share.

use byway_testkit::Fixture;

use crate::project::{binary, launch};

const VANDAL: &str = r"
export function GET() {
  Object.prototype['polluted'] = 'everywhere'
  Headers.prototype.get = () => 'stolen'
  JSON.stringify = () => '{}'
  Promise.prototype.then = (then => function (...args) { return then.apply(this, args) })(Promise.prototype.then)
  globalThis.leak = (globalThis.leak ?? 0) + 1
  return new Response('done')
}
";

const ECHO: &str = r"
import { AsyncLocalStorage } from 'node:async_hooks'
import { headers } from 'next/headers'
const own = new AsyncLocalStorage<string>()
export async function POST(request: Request) {
  const [name] = [...request.headers].filter(([key]) => key === 'x-name').map(([, value]) => value)
  return own.run(name, async () => {
    const body = await request.text()
    await new Promise((later) => setTimeout(later, 5))
    const seen = [...(await headers())].find(([key]) => key === 'x-name')![1]
    return new Response(`${name} ${body} ${own.getStore()} ${seen}`, { headers: { 'x-name': name } })
  })
}
";

#[test]
fn w12_a_realm_that_one_request_has_spoilt_mixes_no_others_up() {
    let files = [("app/vandal/route.ts", VANDAL), ("app/echo/route.ts", ECHO)];
    let fixture = Fixture::new(&files).unwrap();
    assert_eq!(fixture.build(binary()).unwrap().code(), Some(0));
    let server = launch(&fixture, &[]).start().unwrap();
    let echo = |number: usize| {
        let (name, body) = (format!("n{number}"), format!("b{number}"));
        let answer = server.request("POST", "/echo", &[("X-Name", &name)], &body).unwrap();
        assert_eq!(answer.status, 200, "{}", server.stderr());
        assert_eq!(answer.text(), format!("{name} {body} {name} {name}"));
        assert_eq!(answer.header("x-name"), Some(name.as_str()));
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (server, echo) = (&server, &echo);
            scope.spawn(move || {
                for round in 0..20 {
                    if thread == 0 && round % 5 == 1 {
                        let answer = server.get("/vandal").unwrap();
                        assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
                    }
                    echo(thread * 100 + round);
                }
            });
        }
    });
    assert_eq!(server.stop().unwrap().status.code(), Some(0), "it still ends as it should");
}
