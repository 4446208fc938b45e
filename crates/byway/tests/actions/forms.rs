//! Forms that browsers send without JavaScript.

use serde_json::json;

use super::Served;

#[test]
fn a_form_is_sent_and_its_page_asked_for_again() {
    let served = Served::start(&[]);
    let field = format!("$ACTION_ID_{}", served.id("pledge"));
    let answer =
        served.form("/donations?year=2026", &[(&field, ""), ("donor", "Ada"), ("amount", "5")]);
    assert_eq!(answer.status, 303, "{}\n{}", answer.text(), served.server.stderr());
    assert_eq!(answer.header("location"), Some("/donations?year=2026"));
    assert_eq!(answer.header("set-cookie"), Some("donor=Ada; Path=/"));
    assert_eq!(answer.text(), "");
    assert_eq!(served.seen()["pledges"], json!([{ "donor": "Ada", "amount": 5 }]));
}

#[test]
fn an_action_may_send_the_browser_elsewhere() {
    let served = Served::start(&[]);
    let field = format!("$ACTION_ID_{}", served.id("thank"));
    let answer = served.form("/donations", &[(&field, ""), ("donor", "Ada")]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/thanks")));
    assert_eq!(answer.header("set-cookie"), Some("thanked=Ada; Path=/"));
    // The last name counts, as a button's comes behind the form's.
    let other = format!("$ACTION_ID_{}", served.id("moves"));
    let answer = served.form("/", &[(&field, ""), (&other, ""), ("donor", "Ada")]);
    assert_eq!(answer.header("location"), Some("https://example.com/a"));
}

#[test]
fn bound_arguments_and_states_come_before_the_form() {
    let served = Served::start(&[]);
    let reference = format!("{{\"id\":\"{}\",\"bound\":\"$@1\"}}", served.id("step"));
    let answer = served.form(
        "/",
        &[
            ("$ACTION_REF_3", ""),
            ("$ACTION_3:0", &reference),
            ("$ACTION_3:1", "[41]"),
            ("$ACTION_KEY", "k0123"),
            ("donor", "Ada"),
        ],
    );
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    assert_eq!(served.seen()["seen"], json!([[41, [["donor", "Ada"]]]]));
}

#[test]
fn forms_that_fail_are_answered_as_next_answers_them() {
    let served = Served::start(&[]);
    let ask = |name: &str| {
        let answer = served.form("/", &[(&format!("$ACTION_ID_{name}"), ""), ("donor", "x")]);
        (answer.status, answer.text(), answer.header("x-nextjs-action-not-found").is_some())
    };
    let check = |name: &str, status: u16, text: &str, unknown: bool| {
        assert_eq!(ask(name), (status, text.to_owned(), unknown), "{name}");
    };
    check(&"0".repeat(42), 409, "Server Action unavailable.", true);
    check("nonsense", 400, "Invalid Server Action request.", true);
    check(served.id("lost"), 404, "Not Found", false);
    check(served.id("fails"), 500, "Internal Server Error", false);
    let nameless = served.form("/", &[("donor", "x")]);
    assert_eq!(
        (nameless.status, nameless.text().as_str()),
        (400, "Invalid Server Action request.")
    );
    let headless = served.form("/", &[("$ACTION_REF_1", ""), ("donor", "x")]);
    assert_eq!(headless.status, 400);
    served.logged("a secret of the server");
}

#[test]
fn the_way_back_stays_on_this_server_and_below_the_base_path() {
    let served = Served::start(&[("next.config.mjs", "export default { basePath: '/base' }\n")]);
    let field = format!("$ACTION_ID_{}", served.id("nothing"));
    let back = |path: &str| {
        let answer = served.form(path, &[(&field, ""), ("a", "b")]);
        answer.header("location").map(str::to_owned)
    };
    assert_eq!(back("/base").as_deref(), Some("/base"));
    assert_eq!(back("/base/donations?a=1").as_deref(), Some("/base/donations?a=1"));
    for path in ["/base//evil.example", "//evil.example/base", "/base/%5Cevil.example"] {
        let location = back(path).unwrap_or_default();
        assert!(!location.starts_with("//") && !location.starts_with("/\\"), "{path} {location}");
    }
}
