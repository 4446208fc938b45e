/** Session tokens: signed JWTs that carry the user's id and nothing that could grow stale. */

import { errors, jwtVerify, SignJWT } from "jose";
import { jwtSecret } from "../settings";

const ALGORITHM = "HS256";
const ISSUER = "finance-example";
const AUDIENCE = "finance-example-api";

export const TOKEN_SECONDS = 60 * 60;

export async function signToken(userId: string): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM })
    .setSubject(userId)
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt()
    .setExpirationTime(`${TOKEN_SECONDS}s`)
    .sign(jwtSecret());
}

/** The user's id, or null when the token is expired, forged or not one of ours. */
export async function verifyToken(token: string): Promise<string | null> {
  try {
    const { payload } = await jwtVerify(token, jwtSecret(), {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ["sub", "exp"],
    });
    return payload.sub ?? null;
  } catch (error) {
    if (error instanceof errors.JOSEError) return null;
    throw error;
  }
}
