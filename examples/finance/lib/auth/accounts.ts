/** Registering and signing in. */

import { randomBytes } from "node:crypto";
import { z } from "zod";
import { database, isUniqueViolation } from "../database";
import { ApiError, conflict, unauthenticated } from "../http/errors";
import { textField } from "../http/fields";
import { hashPassword, verifyPassword } from "./password.mjs";
import type { SessionUser } from "./session";
import { loginThrottle } from "./throttle";

const emailField = z.string().trim().toLowerCase().max(254).pipe(z.email());

export const registrationSchema = z.strictObject({
  email: emailField,
  name: textField(100),
  password: z.string().min(10).max(200),
});

export const loginSchema = z.strictObject({
  email: emailField,
  password: z.string().min(1).max(200),
});

export async function register(input: z.output<typeof registrationSchema>): Promise<SessionUser> {
  const { password, ...account } = input;
  const passwordHash = await hashPassword(password);
  const db = await database();
  try {
    const user = await db.user.create({ data: { ...account, passwordHash } });
    return { id: user.id, email: user.email, name: user.name, role: user.role };
  } catch (error) {
    if (isUniqueViolation(error))
      throw conflict("email_taken", "There is an account with this email address.");
    throw error;
  }
}

export async function authenticate(input: z.output<typeof loginSchema>): Promise<SessionUser> {
  const waitSeconds = loginThrottle.attempt(input.email);
  if (waitSeconds > 0) {
    throw new ApiError(429, "too_many_attempts", "Too many attempts to sign in.", {
      headers: { "Retry-After": String(waitSeconds) },
    });
  }
  const db = await database();
  const user = await db.user.findUnique({ where: { email: input.email } });
  // An unknown address costs as much time as a wrong password and gets the same answer.
  const matches = await verifyPassword(input.password, user?.passwordHash ?? (await decoyHash()));
  if (!user || !matches) throw unauthenticated("The email address or the password is wrong.");
  loginThrottle.succeeded(input.email);
  return { id: user.id, email: user.email, name: user.name, role: user.role };
}

let decoy: Promise<string> | undefined;

function decoyHash(): Promise<string> {
  return (decoy ??= hashPassword(randomBytes(16).toString("hex")));
}
