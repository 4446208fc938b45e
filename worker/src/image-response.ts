// `ImageResponse`: an image that is drawn from JSX.
//
// What draws is a library with several megabytes of WebAssembly, which byway does not have itself: it is
// the project's, from within its `next`, or `@vercel/og`. It is loaded when the first image is drawn.

import { AsyncResource } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { scopes } from './cache-scope.ts'
import { LightHeaders } from './headers.ts'
import { type HeadersSource, PlatformHeaders } from './platform.ts'
import { LightResponse } from './response.ts'
import { settings } from './settings.ts'

/** What an image can be made with; the library knows some more. */
export interface ImageResponseOptions {
  /** Pixels; 1200 where nothing is said. */
  width?: number
  /** Pixels; 630 where nothing is said. */
  height?: number
  debug?: boolean
  emoji?: string
  fonts?: object[]
  status?: number
  statusText?: string
  headers?: HeadersSource
}

type Library = {
  ImageResponse: new (element: unknown, options?: ImageResponseOptions) => Response
}

/** Where the library is, in the order in which it is looked for. */
const PLACES = ['next/dist/compiled/@vercel/og/index.node.js', '@vercel/og']

let library: string | null = null

/** The URL of the library. Throws where the project has none. */
function libraryUrl(): string {
  if (library !== null) return library
  // Chunks lie in the project, whose packages are found from there.
  const { resolve } = createRequire(import.meta.url)
  for (const place of PLACES) {
    try {
      return (library = pathToFileURL(resolve(place)).href)
    } catch {
      // The next one may be there.
    }
  }
  throw new Error(
    'ImageResponse needs a library that draws images: `npm install @vercel/og` adds it to the ' +
      'project, and so does `next`.',
  )
}

/** An answer with an image in PNG. Drawing begins when its body is read, and an error there breaks it. */
export class ImageResponse extends LightResponse {
  static displayName = 'ImageResponse'

  constructor(element: unknown, options?: ImageResponseOptions) {
    const { headers, status, statusText } = options ?? {}
    const body = drawn(libraryUrl(), element, options)
    super(body, { headers: headersOf(headers), status, statusText })
  }
}

function headersOf(own: HeadersSource | undefined): LightHeaders {
  const headers = LightHeaders.from({
    'content-type': 'image/png',
    'cache-control': settings.development
      ? 'no-cache, no-store'
      : 'public, max-age=0, must-revalidate',
  })
  if (own) for (const [name, value] of new PlatformHeaders(own)) headers.set(name, value)
  return headers
}

/** The image's bytes. Nobody who only wants the head, or has gone, costs any drawing. */
function drawn(
  url: string,
  element: unknown,
  options: ImageResponseOptions | undefined,
): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | null = null
  const open = async (): Promise<ReadableStreamDefaultReader<Uint8Array> | null> => {
    // What the library does at its start, such as to ask for the time, says nothing about the image.
    const { ImageResponse } = await scopes.exit(() => import(url) as Promise<Library>)
    return new ImageResponse(element, options).body?.getReader() ?? null
  }
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    reader ??= await open()
    const next = await reader?.read()
    if (next === undefined || next.done) controller.close()
    else controller.enqueue(next.value)
  }
  return new ReadableStream<Uint8Array>(
    {
      // Components that are drawn may ask for the request in which the image was made.
      pull: AsyncResource.bind(pull),
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
