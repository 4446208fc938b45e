/**
 * The settings from the environment, each read when it is first needed so that a build needs none
 * of them.
 */

/** How the defaults in the committed `.env` begin. */
const DEVELOPMENT_PREFIX = "development-only";

function secret(name: string, lengthMin: number): string {
  const value = process.env[name];
  if (!value || value.length < lengthMin) {
    throw new Error(`${name} must be set to at least ${lengthMin} characters`);
  }
  if (process.env.NODE_ENV === "production" && value.startsWith(DEVELOPMENT_PREFIX)) {
    console.warn(
      `${name} still has the public development default: set it before others reach this server`,
    );
  }
  return value;
}

function once<T>(read: () => T): () => T {
  let kept: { value: T } | undefined;
  return () => (kept ??= { value: read() }).value;
}

export const jwtSecret = once(() => new TextEncoder().encode(secret("JWT_SECRET", 32)));
export const webhookSecret = once(() => secret("WEBHOOK_SECRET", 24));
