import { requireUser } from "@/lib/auth/session";
import { endpoint, json } from "@/lib/http/endpoint";
import { readId, readJson } from "@/lib/http/input";
import {
  applicationView,
  decide,
  decisionSchema,
  findApplication,
} from "@/lib/murabaha/applications";

export const GET = endpoint<{ id: string }>(async (_request, context) => {
  const user = await requireUser();
  return json(applicationView(await findApplication(user, await readId(context))));
});

export const PATCH = endpoint<{ id: string }>(async (request, context) => {
  const user = await requireUser();
  const id = await readId(context);
  return json(applicationView(await decide(user, id, await readJson(request, decisionSchema))));
});
