import { endpoint, json, notFound } from "@/lib/http";
import { find, forget } from "@/lib/zakat";

type Context = RouteContext<"/api/zakat/assessments/[id]">;

export const GET = endpoint(async (_request, { params }: Context) => {
  const { id } = await params;
  return json(find(id) ?? notFound("assessment"));
});

export const DELETE = endpoint(async (_request, { params }: Context) => {
  const { id } = await params;
  if (!forget(id)) notFound("assessment");
  return new Response(null, { status: 204 });
});
