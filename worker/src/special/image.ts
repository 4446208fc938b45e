// `icon.tsx`, `opengraph-image.tsx` and the like: the default export answers with an image.

import { hybridParams } from '../hybrid.ts'
import { LightResponse } from '../response.ts'
import { type SpecialFile, type SpecialHandler, handlerOf } from './answer.ts'
import { ID_PARAM, hybridId, idOf } from './id.ts'

/** A set of parameters, as `generateStaticParams` gives it. */
type StaticParams = Record<string, unknown>

/** What the route exports. */
interface ImageRoute {
  GET: SpecialHandler
  generateStaticParams: ((context: object) => unknown) | undefined
}

/** The route of a file with one image. */
export function imageRoute(file: SpecialFile, name: string): ImageRoute {
  const handler = handlerOf(file, name)
  const GET: SpecialHandler = (_, { params }) => handler({ params }) as Promise<Response>
  return { GET, generateStaticParams: file.generateStaticParams as never }
}

/** The route of a file with several, which its `generateImageMetadata` names. */
export function imagesRoute(file: SpecialFile, name: string): ImageRoute {
  const handler = handlerOf(file, name)
  const list = file.generateImageMetadata
  if (typeof list !== 'function') throw new Error(`generateImageMetadata in ${name} is no function`)
  const ids = async (params: object): Promise<unknown[]> => {
    const images = (await list({ params })) as { id?: unknown }[]
    return images.map((image) => idOf(image, 'generateImageMetadata', name))
  }
  const GET: SpecialHandler = async (_, context) => {
    const { [ID_PARAM]: wanted = '', ...rest } = (await context.params) ?? {}
    const id = (await ids(rest)).find((one) => String(one) === wanted)
    if (id === undefined) return new LightResponse('Not Found', { status: 404 }) as never
    return (await handler({ params: hybridParams(rest), id: hybridId(wanted, id) })) as Response
  }
  // The images below other parameters are known once these are.
  const generateStaticParams = async (): Promise<StaticParams[]> =>
    /\/\[/.test(name) ? [] : (await ids({})).map((id) => ({ [ID_PARAM]: String(id) }))
  return { GET, generateStaticParams }
}
