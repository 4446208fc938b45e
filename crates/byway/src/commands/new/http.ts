/** What all handlers share: how answers look, and how errors become answers. */

import { type NextRequest, NextResponse } from "next/server";

/** An error that the client may read. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export function invalid(message: string): ApiError {
  return new ApiError(422, "invalid", message);
}

export function notFound(what: string): never {
  throw new ApiError(404, "not_found", `There is no such ${what}.`);
}

type Handler<C> = (request: NextRequest, context: C) => Response | Promise<Response>;

/** A handler whose errors become answers. */
export function endpoint<C>(handler: Handler<C>): (request: NextRequest, context: C) => Promise<Response> {
  return async (request, context) => {
    try {
      return await handler(request, context);
    } catch (error) {
      if (error instanceof ApiError) {
        return json({ error: { code: error.code, message: error.message } }, error.status);
      }
      console.error(`${request.method} ${request.nextUrl.pathname} failed:`, error);
      return json({ error: { code: "internal", message: "Something went wrong on our side." } }, 500);
    }
  };
}

export function json(body: unknown, status = 200): NextResponse {
  return NextResponse.json(body, { status });
}

export function created(location: string, body: unknown): NextResponse {
  return NextResponse.json(body, { status: 201, headers: { Location: location } });
}

/** The body as JSON; a body that is none is the client's mistake. */
export async function readJson(request: NextRequest): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    throw new ApiError(400, "invalid_json", "The body is not JSON.");
  }
}
