// A call by React's client: the header names the action, the body has the arguments, and the answer is
// what the client makes the result of.

import { type RequestContext, contexts } from '../context.ts'
import { fallbackStatusOf, redirectionOf } from '../next/navigation.ts'
import { LightResponse } from '../response.ts'
import { settings } from '../settings.ts'
import { type ActionEffects, REVALIDATED_ALL } from './effects.ts'
import { errorValueJson, failureJson } from './failure.ts'
import { FlightAnswer } from './flight.ts'
import { type Actions, UnknownAction, idOf } from './registry.ts'
import { type AnyFunction, BadReply, decodeForm, decodeText } from './reply.ts'

/** No cache may keep an answer that an action gave. */
export const NOT_KEPT = 'no-cache, no-store, max-age=0, must-revalidate'

/** Answers a call. */
export async function answerCall(
  request: Request,
  action: AnyFunction,
  actions: Actions,
): Promise<Response> {
  const effects = contextOfCall().action
  const outcome = await outcomeOf(effects, async () => {
    const given = await argumentsOf(request, actions)
    return Reflect.apply(action, undefined, given) as unknown
  })
  if (outcome.kind === 'redirect') {
    const { url, type } = outcome
    return answer(null, 200, effects, { 'x-action-redirect': `${url};${type}` })
  }
  if (outcome.kind === 'unknown') return unknownAction(409)
  if (outcome.kind === 'result') await waitForFunctions(outcome.value, actions)
  const flight = new FlightAnswer(headOf(), {
    idOf,
    errorValue: errorValueJson,
    failure: (error) => {
      if (error !== outcome.error) effects.fail(error)
      return failureJson(error)
    },
  })
  if (outcome.kind === 'result') flight.result(outcome.value)
  else flight.fail(outcome.error)
  const { status } = outcome
  return answer(flight.body(), status, effects, { 'content-type': 'text/x-component' })
}

/** The first row: where the result is, that no page comes along, and of which build it is. */
function headOf(): string {
  return JSON.stringify({ a: '$@1', q: '', i: false, b: settings.buildId })
}

/** What an action came to. */
export type Outcome =
  | { kind: 'result'; status: 200; value: unknown; error?: undefined }
  | { kind: 'redirect'; url: string; type: 'push' | 'replace'; error?: undefined }
  | { kind: 'unknown'; error: unknown }
  | { kind: 'left' | 'refused' | 'failed'; status: number; error: unknown }

/** Runs an action, and tells the ways to leave it from errors. */
export async function outcomeOf(
  effects: ActionEffects,
  run: () => Promise<unknown>,
): Promise<Outcome> {
  try {
    return { kind: 'result', status: 200, value: await run() }
  } catch (error) {
    const redirection = redirectionOf(error)
    if (redirection !== null && redirection.url !== '') {
      const { url, type } = redirection
      return { kind: 'redirect', url, type }
    }
    const status = fallbackStatusOf(error)
    if (status !== null) return { kind: 'left', status, error }
    if (error instanceof UnknownAction) return { kind: 'unknown', error }
    // Not an error of the program: no client of React's has sent this.
    if (error instanceof BadReply) {
      effects.refuse(error)
      return { kind: 'refused', status: 400, error }
    }
    effects.fail(error)
    return { kind: 'failed', status: 500, error }
  }
}

/** The context of the call that is being answered: actions always run in one. */
export function contextOfCall(): RequestContext & { action: ActionEffects } {
  const context = contexts.getStore()
  if (context === undefined || context.action === null)
    throw new Error('an action was called without a request')
  return context as RequestContext & { action: ActionEffects }
}

async function argumentsOf(request: Request, actions: Actions): Promise<unknown[]> {
  const type = request.headers.get('content-type') ?? ''
  if (!type.toLowerCase().startsWith('multipart/form-data'))
    return decodeText(await request.text(), actions.find)
  return decodeForm(await formOf(request), actions.find)
}

/** The body as a form; that it is none is the client's fault. */
export async function formOf(request: Request): Promise<FormData> {
  try {
    return await request.formData()
  } catch (error) {
    // What a client breaks off is no call either; nobody is there to read the answer.
    throw new BadReply('the body is no form', { cause: error })
  }
}

/** A function can only be told by the module that it is from, which may not have been needed yet. */
async function waitForFunctions(value: unknown, actions: Actions): Promise<void> {
  if (typeof value === 'function' || (typeof value === 'object' && value !== null))
    await actions.loadAll()
}

/** The answer to a call of nothing. */
export function unknownAction(status: 400 | 409): Response {
  const text = status === 409 ? 'Server Action unavailable.' : 'Invalid Server Action request.'
  return answer(text, status, null, {
    'content-type': 'text/plain',
    'x-nextjs-action-not-found': '1',
  })
}

/** An answer that says what the action has done. */
export function answer(
  body: Uint8Array | ReadableStream<Uint8Array> | string | null,
  status: number,
  effects: ActionEffects | null,
  headers: Record<string, string>,
): Response {
  const lines: Record<string, string> = { 'cache-control': NOT_KEPT, ...headers }
  const cookies = contexts.getStore()?.cookieStore
  if (effects !== null) {
    if (cookies?.hasChanges === true) effects.revalidate(REVALIDATED_ALL)
    if (effects.revalidated !== 0) lines['x-action-revalidated'] = String(effects.revalidated)
  }
  return new LightResponse(body as never, { status, headers: lines }) as unknown as Response
}
