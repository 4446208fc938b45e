import { requireUser } from "@/lib/auth/session";
import { endpoint, json } from "@/lib/http/endpoint";
import { readId } from "@/lib/http/input";
import { findContract } from "@/lib/murabaha/contracts";
import { paymentsOf } from "@/lib/murabaha/payments";
import { scheduleView } from "@/lib/murabaha/views";

export const GET = endpoint<{ id: string }>(async (_request, context) => {
  const user = await requireUser();
  const contract = await findContract(user, await readId(context));
  return json(scheduleView(contract, await paymentsOf(contract.id)));
});
