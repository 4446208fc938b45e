declare module "next/server" {
  /** A cookie of a request. */
  export interface RequestCookie {
    name: string;
    value: string;
  }

  /** A cookie of an answer, with what a browser is told about it. */
  export interface ResponseCookie extends RequestCookie {
    /** A date, or milliseconds since 1970. */
    expires?: Date | number;
    /** Seconds. */
    maxAge?: number;
    domain?: string;
    path?: string;
    secure?: boolean;
    httpOnly?: boolean;
    sameSite?: boolean | "lax" | "strict" | "none";
    partitioned?: boolean;
    priority?: "low" | "medium" | "high";
  }

  /** What a request's cookies can be asked; changes stay in the request. */
  export interface RequestCookies extends Iterable<[string, RequestCookie]> {
    readonly size: number;
    get(name: string | { name: string }): RequestCookie | undefined;
    getAll(name?: string | { name: string }): RequestCookie[];
    has(name: string): boolean;
    set(name: string, value: string): this;
    set(cookie: RequestCookie): this;
    delete(name: string): boolean;
    delete(names: string[]): boolean[];
    clear(): this;
    toString(): string;
  }

  /** Cookies that an answer sets. */
  export interface ResponseCookies {
    get(name: string | { name: string }): ResponseCookie | undefined;
    getAll(name?: string | { name: string }): ResponseCookie[];
    has(name: string): boolean;
    set(name: string, value: string, options?: Partial<Omit<ResponseCookie, "name" | "value">>): this;
    set(cookie: ResponseCookie): this;
    delete(name: string): this;
    delete(cookie: Omit<ResponseCookie, "value">): this;
    toString(): string;
  }

  /** A URL that knows the project's base path and locales. */
  class NextURL {
    constructor(input: string | URL, base?: string | URL | object);
    href: string;
    readonly origin: string;
    protocol: string;
    username: string;
    password: string;
    host: string;
    hostname: string;
    port: string;
    /** Without base path and locale. */
    pathname: string;
    search: string;
    readonly searchParams: URLSearchParams;
    hash: string;
    basePath: string;
    locale: string;
    readonly defaultLocale: string | undefined;
    readonly domainLocale: { domain: string; defaultLocale: string; http?: true; locales?: string[] } | undefined;
    readonly buildId: string | undefined;
    clone(): NextURL;
    toString(): string;
    toJSON(): string;
  }

  export type { NextURL };

  /** The request of a handler. */
  export class NextRequest extends Request {
    constructor(input: Request | URL | string, init?: RequestInit);
    readonly nextUrl: NextURL;
    readonly cookies: RequestCookies;
    /** The client's address, as up to Next 14. */
    readonly ip?: string;
    /** Where a host says the client is, as up to Next 14; empty on one's own server. */
    readonly geo?: { city?: string; country?: string; region?: string; latitude?: string; longitude?: string };
  }

  /** An answer with cookies, and what a proxy can answer. */
  export class NextResponse<Body = unknown> extends Response {
    constructor(body?: BodyInit | null, init?: ResponseInit);
    readonly cookies: ResponseCookies;
    static json<T>(body: T, init?: ResponseInit): NextResponse<T>;
    /** 307, unless another status is given. The address is absolute. */
    static redirect(url: string | URL | NextURL, init?: number | ResponseInit): NextResponse<unknown>;
    /** Sends the request elsewhere; for proxies. */
    static rewrite(
      destination: string | URL | NextURL,
      init?: ResponseInit & { request?: { headers?: Headers } },
    ): NextResponse<unknown>;
    /** Lets the request pass; for proxies. */
    static next(init?: ResponseInit & { request?: { headers?: Headers } }): NextResponse<unknown>;
    /** What the body was made from; it is there for types only. */
    readonly [body]?: Body;
  }

  const body: unique symbol;

  /** What a proxy can do beside answering. */
  export class NextFetchEvent {
    private constructor();
    readonly sourcePage: string;
    /** Work that a shutdown waits for. */
    waitUntil(promise: PromiseLike<unknown>): void;
    passThroughOnException(): void;
  }

  export type NextMiddlewareResult = NextResponse | Response | null | undefined | void;
  export type NextMiddleware = (
    request: NextRequest,
    event: NextFetchEvent,
  ) => NextMiddlewareResult | Promise<NextMiddlewareResult>;
  export type NextProxy = NextMiddleware;

  /** One matcher of a proxy. */
  export interface ProxyMatcher {
    source: string;
    locale?: false;
    has?: ProxyCondition[];
    missing?: ProxyCondition[];
  }
  export type ProxyCondition =
    | { type: "header" | "cookie" | "query"; key: string; value?: string }
    | { type: "host"; key?: undefined; value: string };
  /** `export const config` of `proxy.ts`. */
  export interface ProxyConfig {
    matcher?: string | Array<string | ProxyMatcher>;
    regions?: string | string[];
    unstable_allowDynamic?: string | string[];
  }
  export type MiddlewareConfig = ProxyConfig & { runtime?: "nodejs" | "edge" | "experimental-edge" };

  /** Runs when the answer has been sent; a shutdown waits for it. */
  export function after<T>(task: Promise<T> | (() => T | Promise<T>)): void;
  export { after as unstable_after };
  /** Marks what follows as depending on the request. */
  export function connection(): Promise<void>;
  /** Marks what follows as input or output. */
  export function io(): Promise<void>;

  /** What a user-agent header says. */
  export interface UserAgent {
    isBot: boolean;
    ua: string;
    browser: { name?: string; version?: string; major?: string };
    device: { model?: string; type?: string; vendor?: string };
    engine: { name?: string; version?: string };
    os: { name?: string; version?: string };
    cpu: { architecture?: string };
  }
  export function userAgent(request: { headers: Headers }): UserAgent;
  export function userAgentFromString(input: string | undefined): UserAgent;

  /** The runtime's; `undefined` before Node.js 24. */
  export const URLPattern: unknown;
  /** Up to Next 13 it was here. */
  export { ImageResponse } from "next/og";
}
