//! Projects with a proxy.

use byway_testkit::{Fixture, TestServer, byway_binary};

/// Shows the request as a handler sees it.
pub(crate) const ECHO: &str = "\
    const show = async (req: any, { params }: any) => Response.json({\n\
      path: new URL(req.url).pathname, url: req.url, method: req.method, params: (await params) ?? null,\n\
      headers: Object.fromEntries(req.headers), body: await req.text(),\n\
    }, { headers: { 'x-both': 'handler', 'x-handler': '1', vary: 'x-handler', 'set-cookie': 'h=1' } })\n\
    export const GET = show, POST = show, PUT = show, DELETE = show\n";

/// A project with `proxy.ts` and echoing routes at `routes`, built and started.
pub(crate) fn serve(proxy: &str, routes: &[&str]) -> (Fixture, TestServer) {
    let files: Vec<(String, &str)> =
        routes.iter().map(|route| (format!("app{route}/route.ts"), ECHO)).collect();
    let fixture = Fixture::new(&files).unwrap();
    fixture.write("proxy.ts", proxy).unwrap();
    let server = fixture.serve(binary()).unwrap();
    (fixture, server)
}

pub(crate) fn binary() -> std::path::PathBuf {
    byway_binary(env!("CARGO_BIN_EXE_byway"))
}
