import { endpoint, json } from "@/lib/http/endpoint";
import { ApiError } from "@/lib/http/errors";
import { check, parseJson, readBytes } from "@/lib/http/input";
import { webhookSecret } from "@/lib/settings";
import { eventSchema, handleEvent } from "@/lib/webhooks/events";
import { isSigned } from "@/lib/webhooks/signature";

/**
 * The payment provider reports here. The signature covers the bytes of the body, so they are read
 * before any parsing.
 */
export const POST = endpoint(async (request) => {
  const body = await readBytes(request);
  const signature = request.headers.get("x-payment-signature");
  if (!isSigned(body, signature, webhookSecret(), Math.floor(Date.now() / 1000))) {
    throw new ApiError(401, "bad_signature", "The signature is missing, wrong or too old.");
  }
  const result = await handleEvent(check(eventSchema, parseJson(body)));
  return json({ received: true, result });
});
