/**
 * Failures that a client is told about. Anything else that is thrown becomes a 500 without details.
 */

export interface Detail {
  path: string;
  message: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly options: { details?: Detail[]; headers?: Record<string, string> } = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export const invalid = (details: Detail[]) =>
  new ApiError(400, "validation_failed", "The request has invalid values.", { details });

export const unauthenticated = (message = "Sign in first.") =>
  new ApiError(401, "unauthenticated", message, { headers: { "WWW-Authenticate": "Bearer" } });

export const forbidden = () => new ApiError(403, "forbidden", "This needs an officer's account.");

/** Also the answer for what belongs to somebody else: whether it exists is not told. */
export const notFound = (what: string) =>
  new ApiError(404, "not_found", `There is no such ${what}.`);

export const conflict = (code: string, message: string) => new ApiError(409, code, message);

/** For input that is well formed but breaks a rule of the business. */
export const unprocessable = (code: string, message: string) => new ApiError(422, code, message);
