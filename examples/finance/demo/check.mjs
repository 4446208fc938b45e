/**
 * Sends the requests of demo/requests.json to a running server and compares the answers.
 *
 *     node demo/check.mjs http://127.0.0.1:3000
 *
 * Prints a line per request and a summary. Exit code 0: all as expected, 1: not, 2: wrong usage.
 * README.md beside this file describes the format. Needs Node only.
 */

import { createHmac, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TIMEOUT_MS = 15_000;
const BODY_BYTES_MAX = 1024 * 1024;

/**
 * @typedef {Record<string, any>} Json
 * @typedef {Map<string, unknown>} Variables
 * @typedef {{ status: number, headers: Headers, text: string, json: any }} Answer
 */

class Mismatch extends Error {}

/**
 * Puts variables in place of `{{name}}`. A string that is one placeholder takes the value with its
 * type.
 * @param {any} value
 * @param {Variables} variables
 * @returns {any}
 */
function fill(value, variables) {
  /** @param {string} name */
  const lookUp = (name) => {
    if (!variables.has(name))
      throw new Mismatch(`needs {{${name}}}, which an earlier request did not give`);
    return variables.get(name);
  };
  if (typeof value === "string") {
    const whole = /^\{\{([\w.]+)\}\}$/.exec(value);
    if (whole) return lookUp(/** @type {string} */ (whole[1]));
    return value.replace(/\{\{([\w.]+)\}\}/g, (_, name) => String(lookUp(name)));
  }
  if (Array.isArray(value)) return value.map((item) => fill(item, variables));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fill(item, variables)]),
  );
}

/** RFC 6901.
 * @param {any} document
 * @param {string} pointer
 */
function resolvePointer(document, pointer) {
  const steps = pointer.split("/").slice(1);
  return steps.reduce((node, step) => {
    const key = step.replaceAll("~1", "/").replaceAll("~0", "~");
    return node !== null && typeof node === "object" && Object.hasOwn(node, key)
      ? node[key]
      : undefined;
  }, document);
}

/**
 * Compares a part of an answer: objects by the expected keys alone, arrays item by item, all else
 * exactly.
 * @param {any} actual
 * @param {any} expected
 * @param {string} where
 */
function compare(actual, expected, where) {
  const shown = actual === undefined ? "nothing" : JSON.stringify(actual);
  if (expected !== null && typeof expected === "object" && typeof expected.$match === "string") {
    if (
      actual === undefined ||
      actual === null ||
      !new RegExp(expected.$match).test(String(actual))
    ) {
      throw new Mismatch(`${where}: expected a match of ${expected.$match}, got ${shown}`);
    }
    return;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) {
      throw new Mismatch(`${where}: expected ${expected.length} items, got ${shown}`);
    }
    expected.forEach((item, index) => compare(actual[index], item, `${where}/${index}`));
    return;
  }
  if (expected !== null && typeof expected === "object") {
    if (actual === null || typeof actual !== "object")
      throw new Mismatch(`${where}: expected an object, got ${shown}`);
    for (const [key, item] of Object.entries(expected))
      compare(actual[key], item, `${where}/${key}`);
    return;
  }
  if (actual !== expected)
    throw new Mismatch(`${where}: expected ${JSON.stringify(expected)}, got ${shown}`);
}

/**
 * @param {Json} request a filled one
 * @returns {{ headers: Record<string, string>, body: string | undefined }}
 */
function payload(request) {
  /** @type {Record<string, string>} */
  const headers = {};
  let body;
  if (request.body !== undefined) {
    body = JSON.stringify(request.body);
    headers["content-type"] = "application/json";
  } else if (typeof request.text === "string") {
    body = request.text;
  } else if (request.text !== undefined) {
    body = request.text.repeat.repeat(request.text.times);
  }
  if (request.sign) {
    const seconds = Math.floor(Date.now() / 1000) - (request.sign.ageSeconds ?? 0);
    const digest = createHmac("sha256", request.sign.secret)
      .update(`${seconds}.${body ?? ""}`)
      .digest("hex");
    headers[request.sign.header] = `t=${seconds},v1=${digest}`;
  }
  return { headers: { ...headers, ...request.headers }, body };
}

/** @param {Response} response */
async function readText(response) {
  const chunks = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    length += next.value.byteLength;
    if (length > BODY_BYTES_MAX) {
      await reader?.cancel();
      throw new Mismatch(`the answer has more than ${BODY_BYTES_MAX} bytes`);
    }
    chunks.push(next.value);
  }
  return Buffer.concat(chunks, length).toString("utf8");
}

/**
 * @param {string} origin
 * @param {Json} request a filled one
 * @returns {Promise<Answer>}
 */
async function send(origin, request) {
  const { headers, body } = payload(request);
  const response = await fetch(new URL(request.path, origin), {
    method: request.method,
    headers,
    redirect: "manual",
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body !== undefined && { body }),
  });
  const text = await readText(response);
  let json;
  if (text !== "" && response.headers.get("content-type")?.startsWith("application/json")) {
    try {
      json = JSON.parse(text);
    } catch {
      throw new Mismatch("the answer is called JSON and is not");
    }
  }
  return { status: response.status, headers: response.headers, text, json };
}

/**
 * @param {Answer} answer
 * @param {Json} expect a filled one
 */
function judge(answer, expect) {
  if (answer.status !== expect.status) {
    throw new Mismatch(
      `expected status ${expect.status}, got ${answer.status}: ${answer.text.slice(0, 300)}`,
    );
  }
  for (const [name, value] of Object.entries(expect.headers ?? {})) {
    const actual = answer.headers.get(name);
    if (value !== null) compare(actual ?? undefined, value, `header ${name}`);
    else if (actual !== null)
      throw new Mismatch(`header ${name}: expected none, got ${JSON.stringify(actual)}`);
  }
  if (expect.body !== undefined) compare(answer.json, expect.body, "body ");
  for (const [pointer, value] of Object.entries(expect.at ?? {})) {
    compare(resolvePointer(answer.json, pointer), value, `body ${pointer}`);
  }
  if (expect.text !== undefined) compare(answer.text, expect.text, "text");
}

/**
 * @param {Answer} answer
 * @param {Record<string, string>} capture
 * @param {Variables} variables
 */
function remember(answer, capture, variables) {
  for (const [name, source] of Object.entries(capture)) {
    const value = source.startsWith("header:")
      ? answer.headers.get(source.slice("header:".length))
      : resolvePointer(answer.json, source);
    if (value === undefined || value === null)
      throw new Mismatch(`the answer has nothing at ${source} to keep`);
    variables.set(name, value);
  }
}

/** @param {Json} declared */
function initialVariables(declared) {
  const variables = new Map([
    ["run", `${Date.now().toString(36)}${randomBytes(3).toString("hex")}`],
  ]);
  for (const [name, value] of Object.entries(declared)) {
    variables.set(name, process.env[value.env] ?? value.default);
  }
  return variables;
}

/**
 * @param {string} origin
 * @param {Json} request
 * @param {Variables} variables
 */
async function attempt(origin, request, variables) {
  const { expect, capture = {}, repeat = 1, ...rest } = request;
  for (let round = 0; round < repeat; round += 1) {
    const answer = await send(origin, fill(rest, variables));
    judge(answer, fill(expect, variables));
    remember(answer, capture, variables);
  }
}

/** What went wrong on the way; `fetch` hides the reason in the cause.
 * @param {unknown} error
 */
function reason(error) {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** @param {string} origin */
async function run(origin) {
  const file = fileURLToPath(new URL("requests.json", import.meta.url));
  const { variables: declared, requests } = JSON.parse(readFileSync(file, "utf8"));
  const variables = initialVariables(declared);
  let failed = 0;
  for (const [index, request] of requests.entries()) {
    const startedAt = performance.now();
    const number = String(index + 1).padStart(3);
    const label = `${number} ${request.method} ${request.path} (${request.name})`;
    try {
      await attempt(origin, request, variables);
      console.log(
        `ok   ${label} ${request.expect.status}, ${Math.round(performance.now() - startedAt)} ms`,
      );
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${label}\n     ${reason(error)}`);
    }
  }
  console.log(`${requests.length - failed} passed, ${failed} failed`);
  return failed === 0;
}

const [origin, ...rest] = process.argv.slice(2);
if (origin === undefined || rest.length > 0 || !/^https?:\/\//.test(origin)) {
  console.error("usage: node demo/check.mjs http://HOST:PORT");
  process.exitCode = 2;
} else {
  process.exitCode = (await run(origin)) ? 0 : 1;
}
