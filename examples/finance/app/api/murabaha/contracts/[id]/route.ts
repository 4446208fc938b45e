import { requireOfficer, requireUser } from "@/lib/auth/session";
import { endpoint, json, noContent } from "@/lib/http/endpoint";
import { readId, readJson } from "@/lib/http/input";
import { act, contractActionSchema, deleteContract, findContract } from "@/lib/murabaha/contracts";
import { contractView } from "@/lib/murabaha/views";

export const GET = endpoint<{ id: string }>(async (_request, context) => {
  const user = await requireUser();
  return json(contractView(await findContract(user, await readId(context))));
});

export const PATCH = endpoint<{ id: string }>(async (request, context) => {
  const user = await requireUser();
  const id = await readId(context);
  return json(contractView(await act(user, id, await readJson(request, contractActionSchema))));
});

export const DELETE = endpoint<{ id: string }>(async (_request, context) => {
  await requireOfficer();
  await deleteContract(await readId(context));
  return noContent();
});
