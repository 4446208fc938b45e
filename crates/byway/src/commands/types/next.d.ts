declare module "next" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  /** The request of a Pages Router API route. */
  export interface NextApiRequest extends IncomingMessage {
    query: Partial<{ [name: string]: string | string[] }>;
    cookies: Partial<{ [name: string]: string }>;
    /** What the body parser made of the body. */
    body: any;
    draftMode?: boolean;
    preview?: boolean;
    previewData?: string | false | object | undefined;
  }

  /** Its answer; `T` is what it sends as JSON. */
  export interface NextApiResponse<T = any> extends ServerResponse {
    status(code: number): NextApiResponse<T>;
    json(body: T): void;
    send(body: T): void;
    redirect(url: string): NextApiResponse<T>;
    redirect(status: number, url: string): NextApiResponse<T>;
    setDraftMode(options: { enable: boolean }): NextApiResponse<T>;
    setPreviewData(
      data: object | string,
      options?: { maxAge?: number; path?: string },
    ): NextApiResponse<T>;
    clearPreviewData(options?: { path?: string }): NextApiResponse<T>;
    revalidate(path: string, options?: { unstable_onlyGenerated?: boolean }): Promise<void>;
  }

  export type NextApiHandler<T = any> = (
    request: NextApiRequest,
    response: NextApiResponse<T>,
  ) => unknown | Promise<unknown>;

  /** `export const config` of a Pages Router API route. */
  export interface PageConfig {
    api?: {
      bodyParser?: boolean | { sizeLimit?: number | string };
      responseLimit?: boolean | number | string;
      externalResolver?: boolean;
    };
    runtime?: "nodejs" | "edge" | "experimental-edge";
    maxDuration?: number;
  }

  /** What `sitemap.ts`, `robots.ts` and `manifest.ts` return. */
  export namespace MetadataRoute {
    type Sitemap = Array<{
      url: string;
      lastModified?: string | Date;
      changeFrequency?: "always" | "hourly" | "daily" | "weekly" | "monthly" | "yearly" | "never";
      priority?: number;
      alternates?: { languages?: { [language: string]: string | undefined } };
      images?: string[];
      videos?: object[];
    }>;
    interface RobotsRule {
      userAgent?: string | string[];
      allow?: string | string[];
      disallow?: string | string[];
      crawlDelay?: number;
    }
    interface Robots {
      rules: RobotsRule | Array<RobotsRule & { userAgent: string | string[] }>;
      sitemap?: string | string[];
      host?: string;
    }
    interface Manifest {
      name?: string;
      short_name?: string;
      description?: string;
      start_url?: string;
      scope?: string;
      display?: "fullscreen" | "standalone" | "minimal-ui" | "browser";
      background_color?: string;
      theme_color?: string;
      icons?: Array<{ src: string; sizes?: string; type?: string; purpose?: string }>;
      [member: string]: unknown;
    }
  }

  /** What `next.config` says. */
  export interface NextConfig {
    [setting: string]: any;
  }

  /** Throws: byway is the server. */
  export default function next(options?: object): never;
}

declare module "server-only" {}
declare module "client-only" {}
