import { register, registrationSchema } from "@/lib/auth/accounts";
import { created, endpoint } from "@/lib/http/endpoint";
import { readJson } from "@/lib/http/input";

export const POST = endpoint(async (request) => {
  const user = await register(await readJson(request, registrationSchema));
  return created("/api/auth/me", user);
});
