// An error that a client is told about.

/** Next's class of the same name: its status and its message become the answer. */
export class ApiError extends Error {
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.statusCode = statusCode
  }
}
