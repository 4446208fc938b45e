declare module "next/og" {
  /** An image as an answer: PNG, drawn by the library of the installed `next` or by `@vercel/og`. */
  export class ImageResponse extends Response {
    static displayName: string;
    constructor(
      /** JSX, or a plain object of the same form. */
      element: unknown,
      options?: ImageResponseOptions,
    );
  }
  export interface ImageResponseOptions {
    /** Pixels; 1200 where nothing is said. */
    width?: number;
    /** Pixels; 630 where nothing is said. */
    height?: number;
    /** Draws the borders of all elements. */
    debug?: boolean;
    emoji?: "twemoji" | "blobmoji" | "noto" | "openmoji" | "fluent" | "fluentFlat";
    fonts?: Array<{
      name: string;
      data: ArrayBuffer | Uint8Array;
      weight?: 100 | 200 | 300 | 400 | 500 | 600 | 700 | 800 | 900;
      style?: "normal" | "italic";
      lang?: string;
    }>;
    status?: number;
    statusText?: string;
    headers?: HeadersInit;
  }
}
