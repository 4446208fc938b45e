// Exchanges for unit tests, made as the loop makes them: from the bytes of a frame.

import { Exchange } from '../src/exchange.ts'
import { FRAME_HEADER_BYTES, WINDOW_INITIAL } from '../src/wire-constants.ts'
import { type RequestSpec, encodeRequest } from './frames.ts'

/** The settings that these exchanges have. */
export const SETTINGS = {
  originHttp: 'http://localhost:3000',
  originHttps: 'https://localhost:3000',
  basePath: '',
}

/** Makes an exchange of a request. */
export function exchangeOf(spec: RequestSpec = {}): Exchange {
  const frame = encodeRequest(1, spec)
  return new Exchange(
    1,
    frame[5]!,
    SETTINGS,
    WINDOW_INITIAL,
    frame,
    FRAME_HEADER_BYTES,
    frame.length,
  )
}
