// `server-only` and `client-only`: importing them has no effect in a server.
export {}
