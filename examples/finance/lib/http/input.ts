/** Reads and checks what a client sends: bodies, query strings, path parameters. */

import type { NextRequest } from "next/server";
import { z } from "zod";
import { ApiError, invalid, type Detail } from "./errors";

export const BODY_BYTES_MAX = 64 * 1024;

/** Reads the body and gives up as soon as it is too long, whatever Content-Length claimed. */
export async function readBytes(request: NextRequest): Promise<Uint8Array> {
  const tooLarge = () =>
    new ApiError(413, "body_too_large", `The body may have at most ${BODY_BYTES_MAX} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX) throw tooLarge();

  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.byteLength;
    if (length > BODY_BYTES_MAX) {
      await reader?.cancel();
      throw tooLarge();
    }
    chunks.push(next.value);
  }
  return Buffer.concat(chunks, length);
}

/** The text as JSON. Bytes that are not UTF-8 are refused, not replaced. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError(400, "malformed_json", "The body is not valid JSON.");
  }
}

export async function readJson<T extends z.ZodType>(
  request: NextRequest,
  schema: T,
): Promise<z.output<T>> {
  // Besides being correct, this keeps other sites' HTML forms from posting with a visitor's cookie.
  const type = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new ApiError(415, "unsupported_media_type", "Send the body as application/json.");
  }
  return check(schema, parseJson(await readBytes(request)));
}

export function readQuery<T extends z.ZodType>(request: NextRequest, schema: T): z.output<T> {
  return check(schema, Object.fromEntries(request.nextUrl.searchParams));
}

const idSchema = z.object({ id: z.uuid() });

export async function readId(context: { params: Promise<{ id: string }> }): Promise<string> {
  return check(idSchema, await context.params).id;
}

const idempotencyKeySchema = z.object({
  "Idempotency-Key": z
    .string()
    .regex(/^[\x21-\x7e]{8,200}$/, "Expected 8 to 200 visible ASCII characters")
    .optional(),
});

export function readIdempotencyKey(request: NextRequest): string | undefined {
  const key = request.headers.get("idempotency-key") ?? undefined;
  return check(idempotencyKeySchema, { "Idempotency-Key": key })["Idempotency-Key"];
}

export function check<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw invalid(result.error.issues.map(toDetail));
}

function toDetail(issue: { path: PropertyKey[]; message: string }): Detail {
  return { path: issue.path.map(String).join("."), message: issue.message };
}
