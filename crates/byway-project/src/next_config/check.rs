//! Checks the settings as Next does and brings them into the shape of the manifest.

use std::collections::BTreeMap;

use byway_error::Diagnostic;
use byway_routes::next_config::{CacheLife, I18n, LocaleDomain, NextConfig, ServerActions};
use serde_json::{Map, Value};

use super::evaluate::Evaluated;
use super::settings::{self, Fate};
use super::{Place, ReadConfig, rules};

/// Turns what the file says into settings, or says everything that is wrong with it.
pub(super) fn check(
    evaluated: &Evaluated,
    place: &Place<'_>,
) -> Result<ReadConfig, Vec<Diagnostic>> {
    let mut reader = Reader { settings: &evaluated.settings, place, found: Vec::new() };
    let mut config = reader.config();
    config.sets_environment = evaluated.sets_environment;
    reader.warn();
    rules::read(&evaluated.rules, &evaluated.settings, &mut config, place, &mut reader.found);
    let is_ignored = |name: &&String| matches!(settings::fate(name), Fate::NotOurs);
    let mut ignored: Vec<String> = evaluated.settings.keys().filter(is_ignored).cloned().collect();
    ignored.sort_unstable();
    let mut found = reader.found;
    found.sort_by_key(|it| !it.is_error());
    if found.iter().any(Diagnostic::is_error) {
        return Err(found);
    }
    Ok(ReadConfig { config, warnings: found, ignored })
}

struct Reader<'a> {
    settings: &'a Map<String, Value>,
    place: &'a Place<'a>,
    found: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn config(&mut self) -> NextConfig {
        let defaults = NextConfig::default();
        let size =
            |reader: &mut Self, name: &str| reader.read(name, "a size such as \"5mb\"", bytes);
        NextConfig {
            base_path: self.base_path(),
            trailing_slash: self.flag("trailingSlash", false),
            skip_trailing_slash_redirect: self.flag("skipTrailingSlashRedirect", false),
            skip_proxy_url_normalize: self.flag("skipProxyUrlNormalize", false)
                || self.flag("skipMiddlewareUrlNormalize", false),
            page_extensions: self.page_extensions().unwrap_or(defaults.page_extensions),
            env: self.env(),
            sets_environment: false,
            compress: self.flag("compress", true),
            generate_etags: self.flag("generateEtags", true),
            keep_alive: self.flag("httpAgentOptions.keepAlive", true),
            server_external_packages: self.list("serverExternalPackages"),
            transpile_packages: self.list("transpilePackages"),
            i18n: self.i18n(),
            auth_interrupts: self.flag("experimental.authInterrupts", false),
            case_sensitive_routes: self.flag("experimental.caseSensitiveRoutes", false),
            expire_time_s: self
                .read("expireTime", "a number of seconds", Value::as_u64)
                .unwrap_or(defaults.expire_time_s),
            cache_components: self.flag("cacheComponents", false),
            use_cache: self.flag("experimental.useCache", false),
            cache_life: self.cache_life(),
            cache_handler: self.text("cacheHandler"),
            cache_max_memory_bytes: self.read(
                "cacheMaxMemorySize",
                "a number of bytes",
                Value::as_u64,
            ),
            proxy_client_max_body_bytes: size(self, "experimental.proxyClientMaxBodySize")
                .or_else(|| size(self, "experimental.middlewareClientMaxBodySize")),
            proxy_timeout_ms: self.read("experimental.proxyTimeout", "milliseconds", Value::as_u64),
            server_actions: ServerActions {
                body_size_limit_bytes: size(self, "experimental.serverActions.bodySizeLimit"),
                allowed_origins: self.list("experimental.serverActions.allowedOrigins"),
            },
            ..defaults
        }
    }

    /// The value at a path such as `experimental.proxyTimeout`; `null` counts as absent.
    fn get(&self, name: &str) -> Option<&'a Value> {
        let (first, rest) = name.split_once('.').map_or((name, None), |(a, b)| (a, Some(b)));
        let mut value = self.settings.get(first)?;
        for part in rest.into_iter().flat_map(|rest| rest.split('.')) {
            value = value.get(part)?;
        }
        Some(value).filter(|value| !value.is_null())
    }

    fn error(&mut self, name: &str, message: String) {
        let last = name.rsplit('.').next().unwrap_or(name);
        self.found.push(self.place.near(self.place.error(message), last));
    }

    /// Reads a value, or says what it should be.
    fn read<T>(
        &mut self,
        name: &str,
        what: &str,
        as_type: fn(&'a Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(name)?;
        let read = as_type(value);
        if read.is_none() {
            self.error(name, format!("`{name}` must be {what}, not {}", shown(value)));
        }
        read
    }

    fn flag(&mut self, name: &str, default: bool) -> bool {
        self.read(name, "true or false", Value::as_bool).unwrap_or(default)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.read(name, "a string", Value::as_str).map(str::to_owned)
    }

    fn list(&mut self, name: &str) -> Vec<String> {
        self.read(name, "an array of strings", strings).unwrap_or_default()
    }

    fn base_path(&mut self) -> String {
        let Some(path) = self.text("basePath") else { return String::new() };
        let wrong = if path == "/" {
            "`basePath` must be empty or a path such as `/docs`, not `/`"
        } else if !path.is_empty() && !path.starts_with('/') {
            "`basePath` must start with `/`"
        } else if path.ends_with('/') {
            "`basePath` must not end with `/`"
        } else if path.contains("//") || path.contains(['?', '#', '\\', ':', '*', '(', '{']) {
            "`basePath` must be a plain path"
        } else {
            return path;
        };
        self.error("basePath", format!("{wrong}; it is `{path}`"));
        String::new()
    }

    fn page_extensions(&mut self) -> Option<Vec<String>> {
        let extensions = self.read("pageExtensions", "an array of strings", strings)?;
        if extensions.is_empty() {
            let message = "`pageExtensions` must not be empty".to_owned();
            self.error("pageExtensions", message);
        }
        Some(extensions.iter().map(|it| it.trim_start_matches('.').to_owned()).collect())
    }

    fn env(&mut self) -> BTreeMap<String, String> {
        let Some(variables) = self.read("env", "an object of strings", Value::as_object) else {
            return BTreeMap::new();
        };
        let mut env = BTreeMap::new();
        for (name, value) in variables {
            let lower = name.to_ascii_lowercase();
            if lower.starts_with("node_") || lower.starts_with("__") || name == "NEXT_RUNTIME" {
                self.error(
                    name,
                    format!("`env` must not set `{name}`, which belongs to the runtime"),
                );
            } else if let Some(text) = value.as_str() {
                env.insert(name.clone(), text.to_owned());
            } else if !value.is_null() {
                let message = format!("`env.{name}` must be a string, not {}", shown(value));
                self.error(name, message);
            }
        }
        env
    }

    fn cache_life(&mut self) -> BTreeMap<String, CacheLife> {
        let name =
            if self.get("cacheLife").is_some() { "cacheLife" } else { "experimental.cacheLife" };
        let Some(profiles) = self.read(name, "an object of profiles", Value::as_object) else {
            return BTreeMap::new();
        };
        let mut read = BTreeMap::new();
        for (profile, value) in profiles {
            match serde_json::from_value::<CacheLife>(value.clone()) {
                Ok(life)
                    if [life.stale, life.revalidate, life.expire]
                        .iter()
                        .flatten()
                        .all(|s| *s >= 0.0) =>
                {
                    read.insert(profile.clone(), life);
                }
                _ => {
                    let message = format!(
                        "the profile `{profile}` of `cacheLife` must have `stale`, `revalidate` and \
                         `expire` as numbers of seconds, not {}",
                        shown(value)
                    );
                    self.error(profile, message);
                }
            }
        }
        read
    }

    fn i18n(&mut self) -> Option<I18n> {
        let what = "an object with `locales` and `defaultLocale`";
        self.read("i18n", what, Value::as_object)?;
        let locales = self.list("i18n.locales");
        let default_locale = self.text("i18n.defaultLocale").unwrap_or_default();
        let lower: Vec<String> = locales.iter().map(|it| it.to_lowercase()).collect();
        let repeated = (1..lower.len()).find(|&at| lower[..at].contains(&lower[at]));
        if locales.is_empty() {
            self.error("i18n.locales", "`i18n.locales` must be an array of locales".to_owned());
        } else if !locales.contains(&default_locale) {
            let message = format!(
                "`i18n.defaultLocale` is `{default_locale}`, which is not in `i18n.locales`"
            );
            self.error("i18n.defaultLocale", message);
        } else if let Some(at) = repeated {
            let message = format!("`i18n.locales` has `{}` twice", locales[at]);
            self.error("i18n.locales", message);
        }
        if let Some(locale) =
            locales.iter().find(|it| it.is_empty() || it.contains(['/', '?', '#']))
        {
            self.error("i18n.locales", format!("`{locale}` in `i18n.locales` is not a locale"));
        }
        let domains = self.domains();
        Some(I18n { locales, default_locale, domains })
    }

    fn domains(&mut self) -> Vec<LocaleDomain> {
        let Some(value) = self.get("i18n.domains") else { return Vec::new() };
        let domains =
            serde_json::from_value::<Vec<LocaleDomain>>(value.clone()).unwrap_or_default();
        let is_valid = |it: &LocaleDomain| !it.domain.contains(':') && !it.domain.contains('/');
        if domains.is_empty() && value.as_array().is_none_or(|it| !it.is_empty())
            || !domains.iter().all(is_valid)
        {
            let message = "`i18n.domains` must be an array of objects with `domain`, without scheme \
                           and port, and `defaultLocale`";
            self.error("i18n.domains", message.to_owned());
        }
        domains
    }

    /// Warns of settings that are not honoured or not known.
    fn warn(&mut self) {
        let nested = settings::GROUPS.iter().flat_map(|group| {
            let inner = self.settings.get(*group).and_then(Value::as_object);
            inner.into_iter().flatten().map(move |(name, value)| (format!("{group}.{name}"), value))
        });
        let top = self.settings.iter().map(|(name, value)| (name.clone(), value));
        let all: Vec<(String, &Value)> = top.chain(nested).collect();
        for (name, value) in all {
            let is_default = value.is_null()
                || value.as_object().is_some_and(Map::is_empty)
                || name == "useFileSystemPublicRoutes" && value == true;
            let last = name.rsplit('.').next().unwrap_or(&name);
            let warning = match settings::fate(&name) {
                Fate::Honoured | Fate::NotOurs => continue,
                Fate::Missing(_) if is_default => continue,
                Fate::Missing(help) => self
                    .place
                    .warning(format!("`{name}` has no effect under byway"))
                    .with_help(help),
                Fate::Unknown => {
                    let warning = self.place.warning(format!("Next.js has no setting `{name}`"));
                    let lower = name.to_lowercase();
                    match settings::names().find(|known| known.to_lowercase() == lower) {
                        Some(known) => warning.with_help(format!("did you mean `{known}`?")),
                        None => warning,
                    }
                }
            };
            self.found.push(self.place.near(warning, last));
        }
    }
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|it| it.as_str().map(str::to_owned)).collect()
}

/// A number of bytes, or text such as `2mb`; units are powers of 1024.
fn bytes(value: &Value) -> Option<u64> {
    if let Some(bytes) = value.as_u64() {
        return Some(bytes);
    }
    let text = value.as_str()?.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim() {
        "" | "b" => 0,
        "kb" => 10,
        "mb" => 20,
        "gb" => 30,
        "tb" => 40,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = whole.parse::<u64>().ok()?.checked_mul(1 << shift)?;
    // Digits beyond the ninth are less than a byte in all that is in use.
    let digits = fraction.get(..fraction.len().min(9))?;
    let part = if digits.is_empty() { 0 } else { digits.parse::<u64>().ok()? << shift };
    whole.checked_add(part / 10_u64.pow(u32::try_from(digits.len()).ok()?))
}

/// A value in a message, short.
pub(super) fn shown(value: &Value) -> String {
    const CHARS_MAX: usize = 80;
    if value.get("function") == Some(&Value::Bool(true)) {
        return "a function".to_owned();
    }
    let text = value.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("`{}…`", &text[..at]),
        None => format!("`{text}`"),
    }
}
