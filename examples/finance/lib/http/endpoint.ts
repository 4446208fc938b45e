/** Wraps the handlers of all routes: one place turns what they return or throw into an answer. */

import { NextResponse, type NextRequest } from "next/server";
import { isUniqueViolation } from "../database";
import { ApiError } from "./errors";

type Params = Record<string, string>;
type NoParams = Record<never, string>;

export type Handler<P extends Params> = (
  request: NextRequest,
  context: { params: Promise<P> },
) => Promise<Response>;

export function endpoint<P extends Params = NoParams>(handler: Handler<P>): Handler<P> {
  return async (request, context) => {
    try {
      return await handler(request, context);
    } catch (error) {
      return failure(request, error);
    }
  };
}

/** What one user may see is nothing for a shared cache. */
export function json(
  body: unknown,
  init: { status?: number; headers?: Record<string, string> } = {},
): NextResponse {
  return NextResponse.json(body, {
    status: init.status ?? 200,
    headers: { "Cache-Control": "no-store", ...init.headers },
  });
}

export function created(location: string, body: unknown): NextResponse {
  return json(body, { status: 201, headers: { Location: location } });
}

export function noContent(): NextResponse {
  return new NextResponse(null, { status: 204 });
}

function failure(request: NextRequest, error: unknown): NextResponse {
  if (error instanceof ApiError) {
    const { details, headers } = error.options;
    const body = {
      error: { code: error.code, message: error.message, ...(details && { details }) },
    };
    return json(body, { status: error.status, ...(headers && { headers }) });
  }
  if (isUniqueViolation(error)) {
    return json({ error: { code: "conflict", message: "This already exists." } }, { status: 409 });
  }
  console.error(`${request.method} ${request.nextUrl.pathname} failed:`, error);
  return json(
    { error: { code: "internal_error", message: "Something went wrong on our side." } },
    { status: 500 },
  );
}
