//! Every setting of Next's, and what byway does with it.

/// What becomes of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// byway does what it says.
    Honoured,
    /// It is about rendered pages, images or browsers, or about Next's own build and tools.
    NotOurs,
    /// byway should do what it says and does not; what to do instead.
    Missing(&'static str),
    /// Next does not know it.
    Unknown,
}

use Fate::{Honoured, Missing, NotOurs};

const BUNDLER: &str = "byway has its own bundler; put aliases into `paths` of tsconfig.json";
const CONSTANTS: &str = "use variables of the environment, or `env` of next.config";

const TOP: &[(&str, Fate)] = &[
    ("adapterPath", Missing("adapters change Next's own output")),
    ("agentRules", NotOurs),
    ("allowedDevOrigins", NotOurs),
    ("amp", NotOurs),
    ("analyticsId", NotOurs),
    ("assetPrefix", NotOurs),
    ("basePath", Honoured),
    ("bundlePagesRouterDependencies", NotOurs),
    ("cacheComponents", Honoured),
    ("cacheHandler", Honoured),
    ("cacheHandlers", Missing("use `cacheHandler`, or a store in byway.toml")),
    ("cacheLife", Honoured),
    ("cacheMaxMemorySize", Honoured),
    ("cleanDistDir", NotOurs),
    ("compiler", NotOurs),
    ("compress", Honoured),
    ("crossOrigin", NotOurs),
    ("deploymentId", NotOurs),
    ("devIndicators", NotOurs),
    ("distDir", Honoured),
    ("enablePrerenderSourceMaps", NotOurs),
    ("env", Honoured),
    ("eslint", NotOurs),
    ("excludeDefaultMomentLocales", NotOurs),
    ("experimental", Honoured),
    ("expireTime", Honoured),
    ("exportPathMap", NotOurs),
    ("generateBuildId", NotOurs),
    ("generateEtags", Honoured),
    ("headers", Honoured),
    ("htmlLimitedBots", NotOurs),
    ("httpAgentOptions", Honoured),
    ("i18n", Honoured),
    ("images", NotOurs),
    ("logging", NotOurs),
    ("modularizeImports", NotOurs),
    ("onDemandEntries", NotOurs),
    ("optimizeFonts", NotOurs),
    ("output", NotOurs),
    ("outputFileTracingExcludes", NotOurs),
    ("outputFileTracingIncludes", NotOurs),
    ("outputFileTracingRoot", NotOurs),
    ("outputHashSalt", NotOurs),
    ("pageExtensions", Honoured),
    ("partialPrefetching", NotOurs),
    ("poweredByHeader", Honoured),
    ("productionBrowserSourceMaps", NotOurs),
    (
        "publicRuntimeConfig",
        Missing("`next/config` is gone since Next 16; use variables of the environment"),
    ),
    ("reactCompiler", NotOurs),
    ("reactMaxHeadersLength", NotOurs),
    ("reactProductionProfiling", NotOurs),
    ("reactStrictMode", NotOurs),
    ("redirects", Honoured),
    ("rewrites", Honoured),
    ("sassOptions", NotOurs),
    ("serverExternalPackages", Honoured),
    (
        "serverRuntimeConfig",
        Missing("`next/config` is gone since Next 16; use variables of the environment"),
    ),
    ("skipMiddlewareUrlNormalize", Honoured),
    ("skipProxyUrlNormalize", Honoured),
    ("skipTrailingSlashRedirect", Honoured),
    ("staticPageGenerationTimeout", NotOurs),
    ("supportsImmutableAssets", NotOurs),
    ("swcMinify", NotOurs),
    ("trailingSlash", Honoured),
    ("transpilePackages", Honoured),
    ("turbopack", NotOurs),
    ("typedRoutes", NotOurs),
    ("typescript", NotOurs),
    ("useFileSystemPublicRoutes", Missing("routes are always served under their own paths")),
    ("watchOptions", NotOurs),
    ("webpack", Missing(BUNDLER)),
];

/// Settings within others whose fate is their own; the rest of these groups is not about the API side.
const NESTED: &[(&str, Fate)] = &[
    ("compiler.define", Missing(CONSTANTS)),
    ("compiler.defineServer", Missing(CONSTANTS)),
    ("experimental.authInterrupts", Honoured),
    ("experimental.caseSensitiveRoutes", Honoured),
    ("experimental.proxyTimeout", Honoured),
    ("experimental.serverActions", Honoured),
    ("experimental.trustHostHeader", Missing("set the hostname with `--hostname`")),
    ("turbopack.resolveAlias", Missing(BUNDLER)),
    ("turbopack.rules", Missing(BUNDLER)),
    ("experimental.turbo", Missing(BUNDLER)),
];

/// What becomes of a setting; `name` is its path, such as `experimental.proxyTimeout`.
pub(super) fn fate(name: &str) -> Fate {
    let find = |table: &[(&str, Fate)]| {
        table.iter().find(|(known, _)| *known == name).map(|(_, fate)| *fate)
    };
    match find(TOP).or_else(|| find(NESTED)) {
        Some(fate) => fate,
        None if name.contains('.') => NotOurs,
        None => Fate::Unknown,
    }
}

/// The groups in which single settings have a fate of their own.
pub(super) const GROUPS: [&str; 3] = ["compiler", "experimental", "turbopack"];

/// The settings of Next, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TOP.iter().map(|(name, _)| *name)
}
