declare module "next/headers" {
  import type { RequestCookies, ResponseCookie, ResponseCookies } from "next/server";

  /** The request's cookies, and those that the answer will set. */
  export interface CookieStore
    extends Omit<RequestCookies, "set" | "delete" | "clear" | "size" | typeof Symbol.iterator> {
    set: ResponseCookies["set"];
    delete(name: string): this;
    delete(cookie: Omit<ResponseCookie, "value">): this;
  }

  /** The request's headers, which cannot be changed. */
  export interface ReadonlyHeaders extends Omit<Headers, "append" | "set" | "delete"> {
    [Symbol.iterator](): IterableIterator<[string, string]>;
    entries(): IterableIterator<[string, string]>;
    keys(): IterableIterator<string>;
    values(): IterableIterator<string>;
  }

  /** Whether the client may see drafts, and the means to change that. */
  export interface DraftMode {
    readonly isEnabled: boolean;
    enable(): void;
    disable(): void;
  }

  export function cookies(): Promise<CookieStore>;
  export function headers(): Promise<ReadonlyHeaders>;
  export function draftMode(): Promise<DraftMode>;
}
