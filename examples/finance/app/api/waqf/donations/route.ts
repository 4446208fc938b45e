import { requireUser } from "@/lib/auth/session";
import { created, endpoint, json } from "@/lib/http/endpoint";
import { readIdempotencyKey, readJson, readQuery } from "@/lib/http/input";
import { pageOf, pageSchema } from "@/lib/http/pagination";
import { donate, donationSchema, donationView, listDonations } from "@/lib/waqf/donations";

export const GET = endpoint(async (request) => {
  const user = await requireUser();
  const page = readQuery(request, pageSchema);
  const [rows, total] = await listDonations(user, page);
  return pageOf(rows.map(donationView), total, page);
});

export const POST = endpoint(async (request) => {
  const user = await requireUser();
  const key = readIdempotencyKey(request);
  const { donation, replayed } = await donate(user, await readJson(request, donationSchema), key);
  const view = donationView(donation);
  if (replayed) return json(view, { headers: { "Idempotency-Replayed": "true" } });
  return created(`/api/waqf/donations/${donation.id}`, view);
});
