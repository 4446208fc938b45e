declare module "next/navigation" {
  export const RedirectType: { readonly push: "push"; readonly replace: "replace" };
  export type RedirectType = "push" | "replace";

  /** Answers 307 by throwing. */
  export function redirect(url: string, type?: RedirectType): never;
  /** Answers 308 by throwing. */
  export function permanentRedirect(url: string, type?: RedirectType): never;
  /** Answers 404 by throwing. */
  export function notFound(): never;
  /** Answers 403 by throwing; needs `experimental.authInterrupts`. */
  export function forbidden(): never;
  /** Answers 401 by throwing; needs `experimental.authInterrupts`. */
  export function unauthorized(): never;
  /** Throws on what the functions above have thrown, for `catch` blocks around them. */
  export function unstable_rethrow(error: unknown): void;
  /** For pages. */
  export class ReadonlyURLSearchParams extends URLSearchParams {
    append(): never;
    delete(): never;
    set(): never;
    sort(): never;
  }
  /** For pages. */
  export function unstable_isUnrecognizedActionError(error: unknown): boolean;
}
