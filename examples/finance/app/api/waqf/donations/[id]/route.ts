import { requireUser } from "@/lib/auth/session";
import { endpoint, json } from "@/lib/http/endpoint";
import { readId } from "@/lib/http/input";
import { donationView, findDonation } from "@/lib/waqf/donations";

export const GET = endpoint<{ id: string }>(async (_request, context) => {
  const user = await requireUser();
  return json(donationView(await findDonation(user, await readId(context))));
});
