/**
 * The payment provider's signature: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`. The
 * time is signed too and must be recent, so that a recorded delivery cannot be played again later.
 */

import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_SECONDS = 300;

export function isSigned(
  body: Uint8Array,
  header: string | null,
  secret: string,
  nowSeconds: number,
): boolean {
  const match = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header ?? "");
  const [, time = "", signature = ""] = match ?? [];
  if (!match || Math.abs(nowSeconds - Number(time)) > TOLERANCE_SECONDS) return false;
  return timingSafeEqual(digest(body, secret, time), Buffer.from(signature, "hex"));
}

function digest(body: Uint8Array, secret: string, time: string): Buffer {
  return createHmac("sha256", secret).update(`${time}.`).update(body).digest();
}
