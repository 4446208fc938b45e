/** Who is asking: from `Authorization: Bearer …`, or from the cookie that signing in sets. */

import { cookies, headers } from "next/headers";
import { database } from "../database";
import { forbidden, unauthenticated } from "../http/errors";
import { TOKEN_SECONDS, verifyToken } from "./tokens";

export const SESSION_COOKIE = "session";

export interface SessionUser {
  id: string;
  email: string;
  name: string;
  role: string;
}

export async function requireUser(): Promise<SessionUser> {
  const token = await presentedToken();
  if (token === null) throw unauthenticated();
  const userId = await verifyToken(token);
  // The account is looked up each time, so that a new role counts at once.
  const user = userId === null ? null : await findUser(userId);
  if (!user) throw unauthenticated("The token is invalid or has expired.");
  return user;
}

export async function requireOfficer(): Promise<SessionUser> {
  const user = await requireUser();
  if (!isOfficer(user)) throw forbidden();
  return user;
}

export function isOfficer(user: SessionUser): boolean {
  return user.role === "admin";
}

export function mayRead(user: SessionUser, record: { userId: string }): boolean {
  return record.userId === user.id || isOfficer(user);
}

/** Lists show everything to officers and to others only what is theirs. */
export function visibleTo(user: SessionUser): { userId?: string } {
  return isOfficer(user) ? {} : { userId: user.id };
}

export async function startSession(token: string): Promise<void> {
  (await cookies()).set(SESSION_COOKIE, token, {
    httpOnly: true,
    sameSite: "strict",
    secure: process.env.NODE_ENV === "production",
    path: "/",
    maxAge: TOKEN_SECONDS,
  });
}

export async function endSession(): Promise<void> {
  (await cookies()).delete(SESSION_COOKIE);
}

async function presentedToken(): Promise<string | null> {
  const authorization = (await headers()).get("authorization");
  if (authorization !== null) return /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
  return (await cookies()).get(SESSION_COOKIE)?.value ?? null;
}

async function findUser(id: string): Promise<SessionUser | null> {
  const db = await database();
  return db.user.findUnique({
    where: { id },
    select: { id: true, email: true, name: true, role: true },
  });
}
