//! What `next.config` says, checked, as the manifest carries it.
//!
//! The sources and destinations of rules are complete: `basePath` and locales are part of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::rules::condition::ConditionSource;

/// The settings that byway honours. Its default is a project without `next.config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of Next's, by its name")]
pub struct NextConfig {
    /// `/base`, or empty.
    pub base_path: String,
    /// URLs end in a slash.
    pub trailing_slash: bool,
    /// Both forms of a URL are served.
    pub skip_trailing_slash_redirect: bool,
    /// The proxy sees the URL as it was sent.
    pub skip_proxy_url_normalize: bool,
    /// Extensions of route files, without dots.
    pub page_extensions: Vec<String>,
    /// Variables for `process.env`, in the build and in workers.
    pub env: BTreeMap<String, String>,
    /// Whether evaluating the file changed `process.env`, so that workers must evaluate it as well.
    pub sets_environment: bool,
    /// Whether answers may be compressed.
    pub compress: bool,
    /// Whether files get an `ETag`.
    pub generate_etags: bool,
    /// `httpAgentOptions.keepAlive`.
    pub keep_alive: bool,
    /// Packages that are never compiled.
    pub server_external_packages: Vec<String>,
    /// Packages that are compiled as if they were sources of the project.
    pub transpile_packages: Vec<String>,
    /// Locales of the Pages Router.
    pub i18n: Option<I18n>,
    /// `experimental.authInterrupts`: `forbidden()` and `unauthorized()` may be called.
    pub auth_interrupts: bool,
    /// `experimental.caseSensitiveRoutes`: the case of rules' sources counts.
    pub case_sensitive_routes: bool,
    /// Seconds for which caches may serve an entry that has become stale.
    pub expire_time_s: u64,
    /// `'use cache'` and what belongs to it.
    pub cache_components: bool,
    /// `'use cache'` alone: `experimental.useCache`.
    pub use_cache: bool,
    /// Profiles of `cacheLife()`.
    pub cache_life: BTreeMap<String, CacheLife>,
    /// The project's own cache handler, relative to the project.
    pub cache_handler: Option<String>,
    /// Bytes of the cache in memory; 0 switches it off.
    pub cache_max_memory_bytes: Option<u64>,
    /// `experimental.proxyClientMaxBodySize`. byway streams, so that it needs no maximum here.
    pub proxy_client_max_body_bytes: Option<u64>,
    /// How long an external rewrite's upstream may be silent.
    pub proxy_timeout_ms: Option<u64>,
    /// `experimental.serverActions`.
    pub server_actions: ServerActions,
    /// Header lines added to answers.
    pub headers: Vec<HeaderRule>,
    /// In the order in which they are tried.
    pub redirects: Vec<RedirectRule>,
    /// In the order in which they are tried.
    pub rewrites: Rewrites,
}

/// `i18n`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct I18n {
    /// All locales.
    pub locales: Vec<String>,
    /// The one of paths that name none.
    pub default_locale: String,
    /// Other defaults for some hosts.
    #[serde(default)]
    pub domains: Vec<LocaleDomain>,
}

/// One of `i18n.domains`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocaleDomain {
    /// The host, without a port.
    pub domain: String,
    /// Its default locale.
    pub default_locale: String,
    /// Whether its URLs start with `http`.
    #[serde(default)]
    pub http: bool,
}

/// A profile of `cacheLife()`, in seconds; infinite where absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CacheLife {
    /// How long a client may use an entry without asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<f64>,
    /// After which an entry is made anew in the background.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revalidate: Option<f64>,
    /// After which an entry is not used any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<f64>,
}

/// `experimental.serverActions`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServerActions {
    /// The largest body of an action.
    pub body_size_limit_bytes: Option<u64>,
    /// Hosts that may call actions beside the own one.
    pub allowed_origins: Vec<String>,
}

/// One of `headers()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRule {
    /// The pattern of paths.
    pub source: String,
    /// All of these must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<ConditionSource>,
    /// None of these may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ConditionSource>,
    /// Names and values, both with parameters.
    pub headers: Vec<HeaderLine>,
}

/// A header line of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderLine {
    /// The name.
    pub key: String,
    /// The value.
    pub value: String,
}

/// One of `redirects()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedirectRule {
    /// The pattern of paths.
    pub source: String,
    /// All of these must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<ConditionSource>,
    /// None of these may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ConditionSource>,
    /// Where to.
    pub destination: String,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// One of `rewrites()`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewriteRule {
    /// The pattern of paths.
    pub source: String,
    /// All of these must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<ConditionSource>,
    /// None of these may hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<ConditionSource>,
    /// Where to: a path, or an address that starts with `http`.
    pub destination: String,
}

/// `rewrites()`, by when they are tried.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rewrites {
    /// Before files of `public/` and routes without parameters.
    pub before_files: Vec<RewriteRule>,
    /// After these, before routes with parameters.
    pub after_files: Vec<RewriteRule>,
    /// After everything.
    pub fallback: Vec<RewriteRule>,
}

/// A year, Next's default of `expireTime`.
const EXPIRE_TIME_S: u64 = 31_536_000;

impl Default for NextConfig {
    fn default() -> Self {
        Self {
            base_path: String::new(),
            trailing_slash: false,
            skip_trailing_slash_redirect: false,
            skip_proxy_url_normalize: false,
            page_extensions: ["tsx", "ts", "jsx", "js"].map(str::to_owned).to_vec(),
            env: BTreeMap::new(),
            sets_environment: false,
            compress: true,
            generate_etags: true,
            keep_alive: true,
            server_external_packages: Vec::new(),
            transpile_packages: Vec::new(),
            i18n: None,
            auth_interrupts: false,
            case_sensitive_routes: false,
            expire_time_s: EXPIRE_TIME_S,
            cache_components: false,
            use_cache: false,
            cache_life: BTreeMap::new(),
            cache_handler: None,
            cache_max_memory_bytes: None,
            proxy_client_max_body_bytes: None,
            proxy_timeout_ms: None,
            server_actions: ServerActions::default(),
            headers: Vec::new(),
            redirects: Vec::new(),
            rewrites: Rewrites::default(),
        }
    }
}
