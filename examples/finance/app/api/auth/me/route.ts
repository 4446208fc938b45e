import { requireUser } from "@/lib/auth/session";
import { endpoint, json } from "@/lib/http/endpoint";

export const GET = endpoint(async () => json(await requireUser()));
