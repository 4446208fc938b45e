declare module "next/cache" {
  /** Seconds for which something is kept. */
  export interface CacheLifeProfile {
    stale?: number;
    revalidate?: number;
    expire?: number;
  }

  /** A function whose results are kept by its arguments. */
  export function unstable_cache<F extends (...args: never[]) => Promise<unknown>>(
    callback: F,
    keyParts?: string[],
    options?: { revalidate?: number | false; tags?: string[] },
  ): F;
  /** Makes what has the tag be made anew: with a profile the old is given out meanwhile. */
  export function revalidateTag(tag: string, profile?: string | CacheLifeProfile): void;
  /** Makes everything of a path be made anew. */
  export function revalidatePath(path: string, type?: "layout" | "page"): void;
  /** For Server Actions. */
  export function updateTag(tag: string): void;
  /** For Server Actions. */
  export function refresh(): void;
  export function unstable_noStore(): void;
  export function io(): Promise<void>;
  /** Within `'use cache'`. */
  export function cacheLife(profile: string | CacheLifeProfile): void;
  /** Within `'use cache'`. */
  export function cacheTag(...tags: string[]): void;
  export { cacheLife as unstable_cacheLife, cacheTag as unstable_cacheTag };
}
