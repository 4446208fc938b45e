/** Lists are cut into pages: `?page=2&limit=20`, answered with the totals. */

import { z } from "zod";
import { json } from "./endpoint";

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;
const PAGE_MAX = 100_000;

const count = (max: number) =>
  z
    .string()
    .regex(/^\d{1,6}$/, "Expected a whole number")
    .transform(Number)
    .pipe(z.number().min(1).max(max));

/** To be spread into the query schema of a list. */
export const pageFields = {
  page: count(PAGE_MAX).default(1),
  limit: count(LIMIT_MAX).default(LIMIT_DEFAULT),
};

export const pageSchema = z.object(pageFields);

export type Page = z.output<typeof pageSchema>;

export function window({ page, limit }: Page): { skip: number; take: number } {
  return { skip: (page - 1) * limit, take: limit };
}

export function pageOf(data: unknown[], total: number, { page, limit }: Page): Response {
  const pagination = { page, limit, total, totalPages: Math.ceil(total / limit) };
  return json({ data, pagination }, { headers: { "X-Total-Count": String(total) } });
}
