// `next/og`.

export { ImageResponse, type ImageResponseOptions } from '../image-response.ts'
