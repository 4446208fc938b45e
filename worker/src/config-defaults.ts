// Next's defaults, as far as they matter on the API side.

/** What a config function may spread into its own: Next's defaults, as far as they matter here. */
export const DEFAULTS: Record<string, unknown> = {
  env: {},
  basePath: '',
  trailingSlash: false,
  pageExtensions: ['tsx', 'ts', 'jsx', 'js'],
  poweredByHeader: true,
  compress: true,
  generateEtags: true,
  httpAgentOptions: { keepAlive: true },
  i18n: null,
  distDir: '.next',
  assetPrefix: '',
  reactStrictMode: null,
  expireTime: 31_536_000,
  skipTrailingSlashRedirect: false,
  serverExternalPackages: [],
  transpilePackages: [],
  experimental: {},
}
