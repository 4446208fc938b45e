// Named lifetimes, as `cacheLife` and `revalidateTag` take them. Seconds.

/** How long something is good for. What is absent is as in `default`. */
export interface CacheLifeProfile {
  stale?: number
  revalidate?: number
  expire?: number
}

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Next's own, which next.config may change and add to. */
const profiles: Record<string, CacheLifeProfile> = {
  default: { stale: 5 * MINUTE, revalidate: 15 * MINUTE },
  seconds: { stale: 30, revalidate: 1, expire: MINUTE },
  minutes: { stale: 5 * MINUTE, revalidate: MINUTE, expire: HOUR },
  hours: { stale: 5 * MINUTE, revalidate: HOUR, expire: DAY },
  days: { stale: 5 * MINUTE, revalidate: DAY, expire: 7 * DAY },
  weeks: { stale: 5 * MINUTE, revalidate: 7 * DAY, expire: 30 * DAY },
  max: { stale: 5 * MINUTE, revalidate: 30 * DAY, expire: 365 * DAY },
}

/** What next.config says under `cacheLife`. */
export function addProfiles(own: Record<string, CacheLifeProfile>): void {
  for (const [name, profile] of Object.entries(own)) {
    Object.defineProperty(profiles, name, { value: { ...profiles[name], ...profile }, enumerable: true, writable: true, configurable: true })
  }
}

/** The lifetime of this name. */
export function profileOf(name: string): CacheLifeProfile | undefined {
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined
}
