use std::ffi::OsString;
use std::time::Duration;

use byway_error::Diagnostic;
use proptest::prelude::*;

use super::{CONFIG_FILE, Flags, Loaded, keys, load, of_variables, read};
use crate::kind::Kind;
use crate::origin::{Given, variable_of};
use crate::server::Address;

/// A folder of its own, gone at the end.
struct Folder(tempfile::TempDir);

impl Folder {
    fn with(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CONFIG_FILE), text).unwrap();
        Self(folder)
    }

    fn load(&self, flags: &Flags, variables: &[(&str, &str)]) -> Result<Loaded, Vec<Diagnostic>> {
        let os = |(name, text): &(&str, &str)| (OsString::from(name), OsString::from(text));
        load(self.0.path(), flags, variables.iter().map(os))
    }
}

/// The findings about a file, as people see them.
fn findings(text: &str) -> String {
    let found = Folder::with(text).load(&Flags::default(), &[]).unwrap_err();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn without_a_file_the_defaults_are_those_of_next() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = load(folder.path(), &Flags::default(), []).unwrap();
    let listen: Vec<_> = loaded.settings.server.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["0.0.0.0:3000"]);
    assert_eq!(loaded.settings.workers.count.get(), 1);
    assert_eq!(loaded.settings.limits, crate::LimitSettings::default());
    assert!(loaded.values.iter().all(|value| value.origin.to_string() == "default"));
}

#[test]
fn flags_beat_variables_and_variables_beat_the_file() {
    let folder = Folder::with(
        "[server]\nlisten = [\"127.0.0.1:1\", \"[::1]:2\"]\n\n[limits]\ntimeout = \"7s\"\n\
         connections = 5\n\n[workers]\ncount = 2\n",
    );
    let flags = Flags {
        port: Some(9),
        hostname: None,
        given: vec![Given::flag("workers.count", "--workers", "auto")],
    };
    let variables =
        [("BYWAY_WORKERS", "3"), ("PORT", "8"), ("BYWAY_LIMITS_CONNECTIONS", "6"), ("OTHER", "1")];
    let loaded = folder.load(&flags, &variables).unwrap();
    let lines: Vec<String> = loaded
        .values
        .iter()
        .map(|it| format!("{} {} {}", it.name, it.value.clone().unwrap_or_default(), it.origin))
        .filter(|line| !line.ends_with("default"))
        .collect();
    assert_eq!(
        lines,
        [
            "server.listen [\"127.0.0.1:9\", \"[::1]:2\"] --port",
            "limits.connections 6 BYWAY_LIMITS_CONNECTIONS",
            "limits.timeout \"7s\" byway.toml:5",
            "workers.count \"auto\" --workers",
        ]
    );
    assert_eq!(loaded.settings.limits.timeout, Duration::from_secs(7));
    assert_eq!(loaded.settings.limits.connections, 6);
}

#[test]
fn the_whole_name_of_a_variable_beats_the_short_one() {
    for order in [["BYWAY_NODE", "BYWAY_WORKERS_NODE"], ["BYWAY_WORKERS_NODE", "BYWAY_NODE"]] {
        let variables = order.map(|name| (OsString::from(name), OsString::from(name)));
        let (given, _, _) = of_variables(&keys(), variables);
        assert_eq!(given[0].text, "BYWAY_WORKERS_NODE");
    }
}

#[test]
fn a_wrong_value_is_shown_in_its_line() {
    assert_eq!(
        findings("[limits]\nheaders = true\n"),
        "error: `headers` has to be a size from 1kb to 64kb, not `true`\n --> byway.toml:2:11\n  |\n\
         1 | [limits]\n2 | headers = true\n  |           ^^^^\n  |\n\
         hint: for example `headers = \"32kb\"`\n"
    );
}

#[test]
fn every_mistake_is_told_at_once_and_in_order() {
    let text = findings(
        "[limit]\nbody = 1\n[server]\nlistten = []\nconnections = 5\n[limits]\ntimeout = 10\n\
         headers = \"1tb\"\nconnections = 0\n[workers]\ncount = \"all\"\n",
    );
    let messages: Vec<&str> =
        text.lines().filter(|it| it.starts_with("error") || it.starts_with("hint")).collect();
    assert_eq!(
        messages,
        [
            "error: unknown key `limit` here",
            "hint: did you mean `limits`?",
            "error: unknown key `listten` in `server`",
            "hint: did you mean `listen`?",
            "error: unknown key `connections` in `server`",
            "hint: `connections` belongs into `limits`",
            "error: `timeout` has to be a duration from 100ms to 1h, not `10`",
            "hint: a duration has a unit: `\"10s\"`, `\"10ms\"`",
            "error: `headers` has to be a size from 1kb to 64kb, not the text \"1tb\"",
            "hint: for example `headers = \"32kb\"`",
            "error: `connections` has to be a whole number from 1 to 1000000, not `0`",
            "hint: for example `connections = 2000`",
            "error: `count` has to be `auto` or a whole number from 1 to 256, not the text \"all\"",
            "hint: for example `count = \"auto\"`",
        ]
    );
}

#[test]
fn broken_toml_and_sections_that_are_none_are_told() {
    assert!(findings("a = \n").contains("byway.toml:1:"), "{}", findings("a = \n"));
    let text = findings("limits = 5\n");
    assert!(text.contains("`limits` is a section, not `5`"), "{text}");
    assert!(text.contains("hint: write `[limits]` on a line of its own"), "{text}");
    let text = findings("[server]\nlisten = [\"3000\"]\n");
    assert!(text.contains("2:11") && text.contains("write host and port"), "{text}");
    let many: Vec<String> = (0..20).map(|port| format!("\"[::]:{port}\"")).collect();
    let text = findings(&format!("[server]\nlisten = [{}]\n", many.join(", ")));
    assert!(text.contains("more than 16 addresses"), "{text}");
}

#[test]
fn workers_pools_and_routes() {
    let folder = Folder::with(
        "[workers]\nqueue = 0\nmax_memory = \"1gb\"\naffinity = \"client\"\n\n\
         [workers.isolation]\nwrite = [\"up\"]\nenv = [\"A\", \"B_*\"]\n\n\
         [[pool]]\nname = \"pdf\"\nroutes = [\"/pdf\"]\nisolation = false\n\n\
         [[pool]]\nname = \"b\"\nroutes = [\"/b\"]\nworkers = 3\nconcurrency = 4\n\
         isolation = { heap = \"64mb\" }\n",
    );
    let settings = folder.load(&Flags::default(), &[]).unwrap().settings;
    let rules = &settings.workers.supervision;
    assert_eq!((rules.queue, rules.max_memory), (0, Some(1 << 30)));
    assert_eq!(rules.affinity, crate::Affinity::ClientAddress);
    let own = &rules.isolation;
    assert_eq!(own.permissions.as_ref().unwrap().write, [std::path::PathBuf::from("up")]);
    assert!(own.no_addons);
    assert_eq!(own.env.as_ref().unwrap(), &["A", "B_*"]);
    let [pdf, other] = settings.pools.as_slice() else { panic!("{:?}", settings.pools) };
    assert_eq!((pdf.workers, other.workers), (1, 3));
    assert_eq!(pdf.isolation, Some(crate::Isolation::default()));
    assert_eq!(other.isolation.as_ref().unwrap().heap_bytes, Some(64 << 20));
    assert_eq!((pdf.concurrency, other.concurrency), (None, Some(4)));
    // Without a word about it workers are as free as under Next.
    let settings = Folder::with("").load(&Flags::default(), &[]).unwrap().settings;
    assert_eq!(settings.workers.supervision, crate::Supervision::default());
}

#[test]
fn pools_and_patience_that_make_no_sense_are_told() {
    let text = findings("[[pool]]\nname = \"edge\"\nroutes = [\"pdf\"]\n");
    assert!(text.contains("byway has pools of its own with these names"), "{text}");
    assert!(text.contains("a pattern begins with `/`"), "{text}");
    let text = findings("[workers]\nstuck_after = \"5s\"\nunresponsive_after = \"4s\"\n");
    assert!(text.contains("3:22") && text.contains("longer than `stuck_after`"), "{text}");
    let told = |variable| {
        let found = Folder::with("").load(&Flags::default(), &[variable]).unwrap_err();
        found.iter().map(ToString::to_string).collect::<String>()
    };
    let message = "`unresponsive_after` (30s) has to be longer than `stuck_after` (1m)";
    assert_eq!(told(("BYWAY_WORKERS_STUCK_AFTER", "1m")).trim_end(), format!("error: {message}"));
    let text = told(("BYWAY_WORKERS_UNRESPONSIVE_AFTER", "500ms"));
    assert!(text.starts_with("error: BYWAY_WORKERS_UNRESPONSIVE_AFTER: "), "{text}");
    assert!(findings("[[pool]]\nname = \"a\"\n").contains("`pool` has no `routes`"));
}

#[test]
fn flags_for_keys_that_are_none_are_told() {
    let given = vec![Given::flag("workers.queu", "--set", "1")];
    let found = Folder::with("").load(&Flags { given, ..Flags::default() }, &[]).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "error: --set: there is no setting `workers.queu`\nhint: did you mean `workers.queue`?\n"
    );
}

#[test]
fn a_file_that_is_no_text_or_too_long_is_refused() {
    let folder = Folder::with("");
    let load_bytes = |bytes: &[u8]| {
        std::fs::write(folder.0.path().join(CONFIG_FILE), bytes).unwrap();
        folder.load(&Flags::default(), &[]).unwrap_err()[0].to_string()
    };
    assert!(load_bytes(b"a = \"\xff\"").contains("not UTF-8"));
    assert!(load_bytes(&vec![b'\n'; 2 << 20]).contains("more than 1048576 bytes"));
}

#[test]
fn wrong_variables_name_themselves() {
    let folder = Folder::with("");
    let errors = |variables: &[(&str, &str)]| -> String {
        let found = folder.load(&Flags::default(), variables).unwrap_err();
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        errors(&[("BYWAY_LIMITS_TIMEOUT", "10")]),
        "error: BYWAY_LIMITS_TIMEOUT: `timeout` has to be a duration from 100ms to 1h, not the text \
         \"10\"\nhint: for example `timeout = \"30s\"`\n"
    );
    assert_eq!(
        errors(&[("PORT", "http")]),
        "error: PORT has to be a number from 0 to 65535, not \"http\"\n"
    );
    let loaded = folder.load(&Flags::default(), &[("BYWAY_LIMITS_CONECTIONS", "9")]).unwrap();
    assert_eq!(
        loaded.warnings[0].to_string(),
        "warning: the variable BYWAY_LIMITS_CONECTIONS sets nothing\n\
         hint: did you mean BYWAY_LIMITS_CONNECTIONS?\n"
    );
}

#[test]
fn every_example_and_every_default_is_valid() {
    for key in keys().iter().filter(|key| key.kind.is_value() && key.layered) {
        let (section, name) = key.name.rsplit_once('.').unwrap();
        // A certificate and its key make sense together only.
        let rest = match key.name.as_str() {
            "server.tls.cert" => "[server.tls]\nkey = \"key.pem\"\n",
            "server.tls.key" => "[server.tls]\ncert = \"cert.pem\"\n",
            _ => "",
        };
        for value in [Some(key.example), key.default.as_deref()].into_iter().flatten() {
            let head = if rest.is_empty() { format!("[{section}]\n") } else { rest.to_owned() };
            let text = format!("{head}{name} = {value}\n");
            let (_, _, problems) = read(&text, &[], &Address::default()).unwrap();
            assert_eq!(problems, [], "{text}");
        }
        // What a file says as text, a variable says without the quotes.
        if !matches!(key.kind, Kind::Texts(_)) {
            let given =
                Given::variable(&key.name, &variable_of(&key.name), key.example.trim_matches('"'));
            let (_, _, problems) = read(rest, &[given], &Address::default()).unwrap();
            assert_eq!(problems, [], "{}", key.name);
        }
    }
}

proptest! {
    #[test]
    fn no_file_is_a_trap(text in "([a-z]{1,8}|\\[|\\]|=|\"|\n|[0-9.]{1,5}|[{},]|\\PC){0,40}") {
        // A finding must be printable whatever the file holds.
        if let Err(found) = read(&text, &[], &Address::default()) {
            for finding in found {
                prop_assert!(!finding.render(false).is_empty());
            }
        }
    }
}

#[test]
fn listeners_are_checked_together() {
    let loaded = Folder::with(
        "[server]\nlisten = [\"[::]:443\", \"10.0.0.5:80 plain proxy_protocol\", \"unix:/a proxy_protocol\"]\n\
         tls = { cert = \"c.pem\", key = \"k.pem\" }\ntrusted_proxies = [\"10.0.0.1\", \"unix\"]\n",
    )
    .load(&Flags::default(), &[])
    .unwrap();
    let server = loaded.settings.server;
    let tls: Vec<bool> = server.listen.iter().map(|it| server.speaks_tls(it)).collect();
    assert_eq!(tls, [true, false, false]);
    assert!(server.http2);
    let found = findings("[server]\ntls = { cert = \"c.pem\" }\n");
    assert!(found.contains("`tls` has a certificate and no `key`"), "{found}");
    let found =
        findings("[server]\nlisten = [\"a:1 proxy_protocol\"]\ntrusted_proxies = [\"unix\"]\n");
    assert!(found.contains("no proxy is trusted to send them"), "{found}");
    let found = findings("[server]\nlisten = [\"a:1 http2\"]\n");
    assert!(found.contains("not `http2`"), "{found}");
    let folder = Folder::with("[server]\nlisten = [\"unix:/a\"]\n");
    let flags = Flags { port: Some(7), ..Flags::default() };
    let shown = |flags: &Flags| {
        let listen = folder.load(flags, &[]).unwrap().settings.server.listen;
        listen.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(shown(&flags), ["0.0.0.0:7", "unix:/a"]);
    assert_eq!(shown(&Flags { hostname: Some("h".to_owned()), ..Flags::default() }), ["unix:/a"]);
}

#[test]
fn a_table_that_can_be_switched_is_switched_by_variables_too() {
    let header = |folder: &str, variables: &[(&str, &str)]| {
        let loaded = Folder::with(folder).load(&Flags::default(), variables).unwrap();
        loaded.settings.server.request_id.map(|it| it.header)
    };
    let (whole, part) = ("BYWAY_SERVER_REQUEST_ID", "BYWAY_SERVER_REQUEST_ID_HEADER");
    let is = |name: &str| Some(name.to_owned());
    assert_eq!(header("", &[]), None);
    assert_eq!(header("", &[(whole, "true")]), is("x-request-id"));
    // Whoever names the header wants it.
    assert_eq!(header("", &[(part, "x-trace")]), is("x-trace"));
    assert_eq!(header("[server]\nrequest_id = true\n", &[(part, "x-trace")]), is("x-trace"));
    assert_eq!(header("[server]\nrequest_id = true\n", &[(whole, "false")]), None);
    assert_eq!(header("[server]\nrequest_id = false\n", &[(part, "x-trace")]), None);
    let wrong = Folder::with("").load(&Flags::default(), &[(whole, "yes")]).unwrap_err();
    assert!(wrong[0].to_string().contains("BYWAY_SERVER_REQUEST_ID: `request_id` has to be"));
}

#[test]
fn a_store_is_named_by_file_or_variable_and_shown_without_its_password() {
    let folder = Folder::with("[store]\nurl = \"redis://:hunter2@10.0.0.5\"\nprefix = \"shop\"\n");
    let loaded = folder.load(&Flags::default(), &[]).unwrap();
    let store = &loaded.settings.store;
    assert_eq!(store.url.as_ref().unwrap().secret(), "redis://:hunter2@10.0.0.5");
    assert_eq!(store.prefix, "shop");
    assert!(!format!("{:?} {:?}", loaded.settings, loaded.values).contains("hunter2"));
    let other = [("BYWAY_STORE_URL", "unix:///run/valkey.sock")];
    let loaded = folder.load(&Flags::default(), &other).unwrap();
    assert_eq!(loaded.settings.store.url.unwrap().secret(), "unix:///run/valkey.sock");
    let found = findings("[store]\nurl = \"10.0.0.5:6379\"\n");
    assert!(found.contains("`url` has to be `redis://…`"), "{found}");
}
