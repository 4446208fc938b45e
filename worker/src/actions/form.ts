// A form that a browser sends without JavaScript: a field of the form names the action. Next renders the
// page again with the result; byway renders no pages and sends the browser back to the page instead, so
// that reloading it does not send the form once more.

import { type Outcome, answer, contextOfCall, formOf, outcomeOf, unknownAction } from './call.ts'
import type { ActionEffects } from './effects.ts'
import type { Actions } from './registry.ts'
import { type AnyFunction, BadReply, bind, decodePrefixed } from './reply.ts'

const FIELD = '$ACTION_'
const BY_ID = '$ACTION_ID_'
const BY_REFERENCE = '$ACTION_REF_'
/** What every build's ids look like. */
export const ACTION_ID = /^[0-9a-f]{42}$/

/** Answers the POST of a form. */
export async function answerForm(request: Request, actions: Actions): Promise<Response> {
  const effects = contextOfCall().action
  const outcome = await outcomeOf(effects, async () => {
    const form = await formOf(request)
    const { action, fields } = await actionOf(form, actions)
    return action(fields)
  })
  return answerOf(outcome, effects, () => pageOf(request, actions.options.basePath))
}

function answerOf(outcome: Outcome, effects: ActionEffects, page: () => string): Response {
  const plain = { 'content-type': 'text/plain' }
  switch (outcome.kind) {
    case 'result':
      return answer(null, 303, effects, { location: page() })
    case 'redirect':
      return answer(null, 303, effects, { location: outcome.url })
    case 'unknown':
      return unknownAction(409)
    case 'refused':
      return unknownAction(400)
    case 'left':
      return answer(REASONS[outcome.status] ?? '', outcome.status, effects, plain)
    case 'failed':
      return answer('Internal Server Error', 500, effects, plain)
  }
}

const REASONS: Record<number, string> = { 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found' }

/** The action that a form names, with what is bound to it, and the form without React's fields. */
async function actionOf(
  form: FormData,
  actions: Actions,
): Promise<{ action: AnyFunction; fields: FormData }> {
  const fields = new FormData()
  let named: string | null = null
  for (const [name, value] of form) {
    if (!name.startsWith(FIELD)) {
      if (typeof value === 'string') fields.append(name, value)
      else fields.append(name, value, value.name)
    } else if (name.startsWith(BY_ID) || name.startsWith(BY_REFERENCE)) {
      // Of several the last counts: a button names its own behind that of the form.
      named = name
    }
  }
  if (named === null) throw new BadReply('the form names no action')
  if (named.startsWith(BY_ID)) {
    const id = named.slice(BY_ID.length)
    if (!ACTION_ID.test(id)) throw new BadReply('the form names no action')
    return { action: await actions.find(id), fields }
  }
  const prefix = `${FIELD}${named.slice(BY_REFERENCE.length)}:`
  const reference = await decodeReference(form, prefix, actions)
  return { action: reference, fields }
}

async function decodeReference(
  form: FormData,
  prefix: string,
  actions: Actions,
): Promise<AnyFunction> {
  const reference = await decodePrefixed(form, prefix, actions.find)
  if (typeof reference !== 'object' || reference === null)
    throw new BadReply('the form names no action')
  const { id, bound } = reference as { id?: unknown; bound?: unknown }
  if (typeof id !== 'string' || !ACTION_ID.test(id)) throw new BadReply('the form names no action')
  const action = await actions.find(id)
  const given: unknown = await bound
  return given === null || given === undefined ? action : bind(action, given)
}

/** Where the page of the form is, from the root of this server: no form leads elsewhere. */
function pageOf(request: Request, basePath: string): string {
  const { exchange } = contextOfCall()
  const path = exchange.path === '/' && basePath !== '' ? '' : exchange.path
  const { search } = new URL(request.url)
  return `${basePath}${path}`.replace(/^[/\\]+/, '/') + search
}
