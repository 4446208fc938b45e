//! What workers may see and use.

use byway_testkit::Fixture;

use crate::project::{binary, launch};

const LOOK: &str = r"
import { readFileSync } from 'node:fs'
import { execFileSync } from 'node:child_process'

const tried = (what: () => unknown) => {
  try { return String(what()).slice(0, 20) } catch (error: any) { return error.code ?? error.message }
}
export const GET = () => Response.json({
  env: Object.keys(process.env),
  dir: process.cwd(),
  uid: process.getuid!(),
  gid: process.getgid!(),
  heap: require('node:v8').getHeapStatistics().heap_size_limit,
  file: tried(() => readFileSync('/etc/hostname')),
  child: tried(() => execFileSync('echo', ['child'])),
})
";

fn look(args: &[&str]) -> serde_json::Value {
    let fixture =
        Fixture::new(&[("app/look/route.ts", LOOK), (".env", "FROM_FILE=1\n"), ("sub/keep", "")])
            .unwrap();
    assert_eq!(fixture.build(binary()).unwrap().code(), Some(0));
    let server = launch(&fixture, args).env("SECRET", "s").env("AWS_REGION", "r").start().unwrap();
    let answer = server.get("/look").unwrap();
    assert_eq!(answer.status, 200, "{}", server.stderr());
    answer.json()
}

fn sees(look: &serde_json::Value, name: &str) -> bool {
    look["env"].as_array().unwrap().iter().any(|seen| seen == name)
}

#[test]
fn workers_see_everything_unless_told_otherwise() {
    let open = look(&[]);
    assert!(sees(&open, "SECRET") && sees(&open, "FROM_FILE") && sees(&open, "PATH"));
    assert_eq!(open["child"], "child\n");
}

#[test]
fn the_environment_the_folder_and_the_heap_can_be_limited() {
    let args = [
        "workers.isolation.env=AWS_*",
        "workers.isolation.dir=sub",
        "workers.isolation.heap=128mb",
    ];
    let limited = look(&args);
    assert!(!sees(&limited, "SECRET"));
    assert!(sees(&limited, "AWS_REGION") && sees(&limited, "FROM_FILE"));
    assert!(limited["dir"].as_str().unwrap().ends_with("/sub"));
    assert!(limited["heap"].as_u64().unwrap() < 250 << 20, "{}", limited["heap"]);
}

#[test]
fn the_permission_model_keeps_files_and_child_processes_away() {
    let locked = look(&["workers.isolation.permissions=true"]);
    assert_eq!(locked["file"], "ERR_ACCESS_DENIED");
    assert_eq!(locked["child"], "ERR_ACCESS_DENIED");
    let reads =
        look(&["workers.isolation.permissions=true", "workers.isolation.read=/etc/hostname"]);
    assert_ne!(reads["file"], "ERR_ACCESS_DENIED");
    assert_eq!(reads["child"], "ERR_ACCESS_DENIED");
}

#[test]
fn edge_routes_can_be_locked_in() {
    let (fixture, server) = crate::project::serve(&["workers.lock_edge=true"]);
    assert_eq!(server.get("/edge").unwrap().text(), "edge");
    assert_eq!(server.get("/other").unwrap().status, 200);
    let groups = crate::project::status(&fixture)["pool"]["groups"].clone();
    assert_eq!(groups[1]["name"], "edge");
    let pid = groups[1]["workers"][0]["pid"].as_u64().unwrap();
    let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(command.contains("permission") && command.contains("--no-addons"), "{command}");
}

#[test]
fn workers_can_run_as_somebody_else() {
    // Only root may choose; elsewhere there is nothing to see.
    if !rustix::process::getuid().is_root() {
        return;
    }
    let fixture = Fixture::new(&[("app/look/route.ts", LOOK)]).unwrap();
    assert_eq!(fixture.build(binary()).unwrap().code(), Some(0));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(fixture.path(), mode).unwrap();
    let args = ["workers.isolation.user=65534", "workers.isolation.group=65534"];
    let server = launch(&fixture, &args).start().unwrap();
    let look = server.get("/look").unwrap().json();
    assert_eq!((look["uid"].as_u64(), look["gid"].as_u64()), (Some(65534), Some(65534)));
}
