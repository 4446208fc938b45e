#![allow(clippy::needless_pass_by_value, reason = "values are written where they are used")]

use byway_routes::next_config::NextConfig;
use serde_json::{Value, json};

use super::check::check;
use super::evaluate::Evaluated;
use super::{Place, ReadConfig};

/// Reads settings and rules as the program reports them.
fn read(settings: Value, rules: Value) -> Result<ReadConfig, Vec<String>> {
    let evaluated: Evaluated =
        serde_json::from_value(json!({ "settings": settings, "rules": rules })).unwrap();
    let source = "export default {\n  basePath: 'docs',\n  async redirects() { return [{ source: '/old' }] },\n}\n";
    let place = Place { file: "next.config.mjs", source: source.to_owned() };
    check(&evaluated, &place).map_err(|found| {
        assert!(found.iter().all(|it| it.file.as_deref() == Some("next.config.mjs")));
        let place = |it: &byway_error::Diagnostic| it.location.as_ref().map(|at| at.line);
        found
            .iter()
            .map(|it| match place(it) {
                Some(line) => format!("{line}: {}", it.message),
                None => it.message.clone(),
            })
            .collect()
    })
}

fn settings(settings: Value) -> NextConfig {
    read(settings, json!({})).unwrap().config
}

fn setting_error(settings: Value) -> String {
    read(settings, json!({})).unwrap_err().join("\n")
}

fn rules(list: &str, rules: Value) -> NextConfig {
    read(json!({}), json!({ list: rules })).unwrap().config
}

fn rule_error(list: &str, rule: Value) -> String {
    read(json!({}), json!({ list: [rule] })).unwrap_err().join("\n")
}

#[test]
fn settings_are_read() {
    assert_eq!(settings(json!({})), NextConfig::default());
    let config = settings(json!({
        "basePath": "/docs", "trailingSlash": true, "pageExtensions": ["page.ts", ".ts"],
        "env": { "A": "1", "B": null }, "compress": false, "generateEtags": false,
        "httpAgentOptions": { "keepAlive": false }, "serverExternalPackages": ["a"],
        "transpilePackages": ["b"], "skipMiddlewareUrlNormalize": true, "expireTime": 60,
        "i18n": { "locales": ["en", "fr"], "defaultLocale": "en",
                  "domains": [{ "domain": "x.fr", "defaultLocale": "fr", "http": true }] },
        "cacheLife": { "quick": { "stale": 1, "revalidate": 0.5, "expire": null } },
        "cacheComponents": true, "cacheHandler": "/a/handler.js", "cacheMaxMemorySize": 0,
        "experimental": { "authInterrupts": true, "proxyTimeout": 5000,
                          "proxyClientMaxBodySize": "1.5mb", "caseSensitiveRoutes": true,
                          "serverActions": { "bodySizeLimit": 4096, "allowedOrigins": ["x"] } },
    }));
    assert_eq!(config.base_path, "/docs");
    assert_eq!(config.page_extensions, ["page.ts", "ts"]);
    assert_eq!(config.env.into_iter().collect::<Vec<_>>(), [("A".to_owned(), "1".to_owned())]);
    assert!(config.trailing_slash && config.skip_proxy_url_normalize && config.cache_components);
    assert!(!config.compress && !config.generate_etags && !config.keep_alive);
    assert!(config.auth_interrupts && config.case_sensitive_routes);
    assert_eq!(config.i18n.unwrap().domains[0].default_locale, "fr");
    let life = config.cache_life["quick"];
    assert_eq!((life.stale, life.revalidate, life.expire), (Some(1.0), Some(0.5), None));
    assert_eq!(config.proxy_client_max_body_bytes, Some(1_572_864));
    assert_eq!(config.proxy_timeout_ms, Some(5000));
    assert_eq!(config.server_actions.body_size_limit_bytes, Some(4096));
    assert_eq!((config.expire_time_s, config.cache_max_memory_bytes), (60, Some(0)));
}

#[test]
fn wrong_settings_say_what_they_should_be() {
    let check = |wrong: Value, expect: &str| {
        let found = setting_error(wrong.clone());
        assert!(found.contains(expect), "{wrong}: {found}");
    };
    check(json!({ "basePath": "docs" }), "2: `basePath` must start with `/`; it is `docs`");
    check(json!({ "basePath": "/" }), "`basePath` must be empty or a path such as `/docs`");
    check(json!({ "basePath": "/a/" }), "must not end with `/`");
    check(json!({ "basePath": 1 }), "`basePath` must be a string, not `1`");
    check(
        json!({ "trailingSlash": "yes" }),
        "`trailingSlash` must be true or false, not `\"yes\"`",
    );
    check(json!({ "pageExtensions": [] }), "`pageExtensions` must not be empty");
    check(json!({ "pageExtensions": "ts" }), "must be an array of strings");
    check(json!({ "env": { "NODE_ENV": "x" } }), "must not set `NODE_ENV`");
    check(json!({ "env": { "A": 1 } }), "`env.A` must be a string, not `1`");
    check(
        json!({ "i18n": { "locales": ["en"], "defaultLocale": "de" } }),
        "is `de`, which is not in",
    );
    check(json!({ "i18n": { "locales": ["en", "EN"], "defaultLocale": "en" } }), "has `EN` twice");
    check(json!({ "i18n": [] }), "must be an object");
    check(json!({ "cacheLife": { "a": { "stale": "x" } } }), "the profile `a`");
    check(json!({ "experimental": { "proxyClientMaxBodySize": "much" } }), "a size such as");
    check(json!({ "redirects": [] }), "3: `redirects` must be a function");
}

#[test]
fn settings_without_effect_are_warned_of() {
    let warnings = |settings: Value| -> Vec<String> {
        let read = read(settings, json!({})).unwrap();
        read.warnings
            .into_iter()
            .map(|it| format!("{} | {}", it.message, it.help.unwrap_or_default()))
            .collect()
    };
    assert!(warnings(json!({
        "images": { "domains": [] }, "reactStrictMode": true, "typescript": {}, "poweredByHeader": false,
        "experimental": { "serverSourceMaps": true }, "turbopack": { "resolveAlias": {} },
        "useFileSystemPublicRoutes": true, "output": "standalone", "distDir": "build",
    }))
    .is_empty());
    let found = warnings(json!({
        "webpack": { "function": true }, "basepath": "/x", "nonsense": 1,
        "turbopack": { "resolveAlias": { "a": "b" } }, "experimental": { "trustHostHeader": true },
    }));
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(
        found.iter().any(|it| it.starts_with("`webpack` has no effect under byway | byway has"))
    );
    assert!(
        found.contains(&"Next.js has no setting `basepath` | did you mean `basePath`?".to_owned())
    );
    assert!(found.contains(&"Next.js has no setting `nonsense` | ".to_owned()));
    assert!(found.iter().any(|it| it.starts_with("`turbopack.resolveAlias`")));
}

#[test]
fn rules_are_completed_with_base_path_and_locales() {
    let list = json!([
        { "source": "/a", "destination": "/b", "permanent": true },
        { "source": "/", "destination": "/", "statusCode": 302 },
        { "source": "/c", "destination": "https://x.test/c", "permanent": false },
        { "source": "/d", "destination": "/e", "permanent": false, "basePath": false },
    ]);
    let shown = |config: &NextConfig| -> Vec<String> {
        config
            .redirects
            .iter()
            .map(|it| format!("{} {} {}", it.source, it.destination, it.status))
            .collect()
    };
    let based = read(json!({ "basePath": "/base" }), json!({ "redirects": list })).unwrap().config;
    let expect =
        ["/base/a /base/b 308", "/base /base 302", "/base/c https://x.test/c 307", "/d /e 307"];
    assert_eq!(shown(&based), expect);
    let i18n = json!({ "i18n": { "locales": ["en", "pt-BR"], "defaultLocale": "en" } });
    let list = json!([
        { "source": "/a", "destination": "/b", "permanent": false },
        { "source": "/", "destination": "/b", "permanent": false },
        { "source": "/fr/x", "destination": "/fr/y", "permanent": false, "locale": false },
    ]);
    let localised = read(i18n.clone(), json!({ "redirects": list })).unwrap().config;
    let expect = [
        "/en/a /b 307",
        "/:nextInternalLocale(en|pt-BR)/a /:nextInternalLocale/b 307",
        "/en /b 307",
        "/:nextInternalLocale(en|pt-BR) /:nextInternalLocale/b 307",
        "/fr/x /fr/y 307",
    ];
    assert_eq!(shown(&localised), expect);
    let headers = json!([{ "source": "/:p*", "headers": [{ "key": "x-a", "value": ":p*" }] }]);
    let config = read(i18n, json!({ "headers": headers })).unwrap().config;
    assert_eq!(config.headers.len(), 1);
    assert_eq!(config.headers[0].source, "/:nextInternalLocale(en|pt-BR)/:p*");
}

#[test]
fn rewrites_are_an_array_or_three() {
    let rule = json!({ "source": "/a/:x", "destination": "/b/:x" });
    let config = rules("rewrites", json!([rule]));
    assert_eq!(config.rewrites.after_files.len(), 1);
    let config = rules("rewrites", json!({ "beforeFiles": [rule], "fallback": [rule, rule] }));
    let found =
        (&config.rewrites.before_files, &config.rewrites.after_files, &config.rewrites.fallback);
    assert_eq!((found.0.len(), found.1.len(), found.2.len()), (1, 0, 2));
    let error = read(json!({}), json!({ "rewrites": { "beforefiles": [] } })).unwrap_err();
    assert!(error[0].contains("`beforefiles`"), "{error:?}");
    let error = read(json!({}), json!({ "rewrites": 5 })).unwrap_err();
    assert!(error[0].contains("`rewrites()` must return an array, not `5`"), "{error:?}");
}

#[test]
fn wrong_rules_say_what_is_wrong() {
    let check = |list: &str, rule: Value, expect: &str| {
        let found = rule_error(list, rule.clone());
        assert!(found.contains(expect), "{rule}: {found}");
    };
    let redirect = |fields: Value| {
        let mut rule = json!({ "source": "/a", "destination": "/b", "permanent": true });
        rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        rule
    };
    check(
        "redirects",
        json!({ "source": "/old", "permanent": true }),
        "3: `redirects()[0]` (`/old`): `destination` is missing",
    );
    check("redirects", redirect(json!({ "source": "a" })), "`source` does not start with `/`");
    check("redirects", redirect(json!({ "source": 1 })), "`source` must be a string, not `1`");
    check(
        "redirects",
        redirect(json!({ "permanent": null })),
        "`permanent` must be `true` or `false`",
    );
    check(
        "redirects",
        redirect(json!({ "statusCode": 200 })),
        "`statusCode` must be one of [301, 302, 303, 307, 308], not `200`",
    );
    check("redirects", redirect(json!({ "permament": true })), "unknown field `permament`");
    check(
        "redirects",
        redirect(json!({ "basePath": true })),
        "`basePath` must be `false` or absent",
    );
    check(
        "redirects",
        redirect(json!({ "source": "/a/(" })),
        "`source` cannot be parsed: a parenthesis that is not closed",
    );
    check(
        "redirects",
        redirect(json!({ "source": "/:a:b" })),
        "text must be between two parameters",
    );
    check("redirects", redirect(json!({ "source": "/:a([z-a])" })), "cannot be parsed");
    check(
        "redirects",
        redirect(json!({ "destination": "/:x" })),
        "has `:x`, which is not in `source` or `has`",
    );
    check(
        "redirects",
        redirect(json!({ "source": "/:x*", "destination": "/n/:x" })),
        "write `:x*`",
    );
    check("redirects", redirect(json!({ "destination": "b" })), "neither a path");
}

#[test]
fn wrong_conditions_say_what_is_wrong() {
    let check = |list: &str, rule: Value, expect: &str| {
        let found = rule_error(list, rule.clone());
        assert!(found.contains(expect), "{rule}: {found}");
    };
    let redirect = |fields: Value| {
        let mut rule = json!({ "source": "/a", "destination": "/b", "permanent": true });
        rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        rule
    };
    check("redirects", redirect(json!({ "has": {} })), "`has` must be an array");
    check(
        "redirects",
        redirect(json!({ "has": [{ "type": "body", "key": "a" }] })),
        "takes objects with `type`",
    );
    check(
        "redirects",
        redirect(json!({ "has": [{ "type": "host" }] })),
        "needs a `value` for the type `host`",
    );
    check("redirects", redirect(json!({ "has": [{ "type": "query" }] })), "needs a `key`");
    check(
        "redirects",
        redirect(json!({ "missing": [{ "type": "header", "key": "a", "value": "(" }] })),
        "is not valid",
    );
    check("redirects", json!("/a"), "it must be an object, not `\"/a\"`");
}

#[test]
fn wrong_rewrites_and_headers_say_what_is_wrong() {
    let check = |list: &str, rule: Value, expect: &str| {
        let found = rule_error(list, rule.clone());
        assert!(found.contains(expect), "{rule}: {found}");
    };
    check(
        "rewrites",
        json!({ "source": "/a", "destination": "ftp://x" }),
        "does not start with `/`, `http://` or `https://`",
    );
    check(
        "rewrites",
        json!({ "source": "/a", "destination": "/b", "basePath": false }),
        "must start with `http://` or `https://`",
    );
    check(
        "rewrites",
        json!({ "source": "/a", "destination": "https://u:p@x.test/" }),
        "user or password",
    );
    check("headers", json!({ "source": "/a" }), "`headers` must be an array");
    check("headers", json!({ "source": "/a", "headers": [] }), "must not be empty");
    check("headers", json!({ "source": "/a", "headers": [{ "key": "x" }] }), "both strings");
    check(
        "headers",
        json!({ "source": "/a", "headers": [{ "key": "x y", "value": "1" }] }),
        "not a valid header line",
    );
    check(
        "headers",
        json!({ "source": "/a", "headers": [{ "key": "x", "value": "a\nb" }] }),
        "not a valid header line",
    );
    check(
        "headers",
        json!({ "source": "/:p*", "headers": [{ "key": "x", "value": ":p" }] }),
        "write `:p*`",
    );
}

#[test]
fn captured_names_of_conditions_are_known() {
    let config = rules(
        "redirects",
        json!([
            { "source": "/a", "destination": "/b/:x/:who/:host", "permanent": false, "has": [
                { "type": "query", "key": "q", "value": "(?<x>.+)" },
                { "type": "header", "key": "who" },
                { "type": "host", "value": "a\\.test" },
            ]},
        ]),
    );
    assert_eq!(config.redirects.len(), 1);
}
