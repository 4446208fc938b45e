import { authenticate, loginSchema } from "@/lib/auth/accounts";
import { startSession } from "@/lib/auth/session";
import { signToken, TOKEN_SECONDS } from "@/lib/auth/tokens";
import { endpoint, json } from "@/lib/http/endpoint";
import { readJson } from "@/lib/http/input";

/** Programs take the token from the body, browsers keep the cookie. */
export const POST = endpoint(async (request) => {
  const user = await authenticate(await readJson(request, loginSchema));
  const token = await signToken(user.id);
  await startSession(token);
  return json({ token, tokenType: "Bearer", expiresIn: TOKEN_SECONDS, user });
});
