import { requireUser } from "@/lib/auth/session";
import { endpoint, json, noContent } from "@/lib/http/endpoint";
import { readId } from "@/lib/http/input";
import { calculationView, deleteCalculation, findCalculation } from "@/lib/zakat/calculations";

export const GET = endpoint<{ id: string }>(async (_request, context) => {
  const user = await requireUser();
  return json(calculationView(await findCalculation(user, await readId(context))));
});

export const DELETE = endpoint<{ id: string }>(async (_request, context) => {
  const user = await requireUser();
  await deleteCalculation(user, await readId(context));
  return noContent();
});
