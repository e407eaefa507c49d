// The one file that talks to the daemon.
import { ActionKeys } from "./actions";
import type { paths } from "./schema";
import { MessageReader, type Message } from "./sse";

const PREFIX = "/api/v1";
const TIMEOUT_MS = 15_000;
// While the daemon is away, the next try is not to wait for long.
const VERSION_TIMEOUT_MS = 3000;

type Method = "get" | "post" | "put" | "patch" | "delete";
type Content<T> = T extends { content: { "application/json": infer Body } } ? Body : never;
type Responses<T> = T extends { responses: infer R } ? Content<R[keyof R & (200 | 201 | 202)]> : never;
type Given<R> = [R] extends [never] ? undefined : R extends { content: { "application/json": infer Body } } ? Body : undefined;
type Sent<T> = T extends { requestBody?: infer R } ? Given<NonNullable<R>> : undefined;
/** What an operation takes. */
export type Body<P extends keyof paths, M extends Method> = Sent<paths[P][M]>;
export type Answer<P extends keyof paths, M extends Method> = Responses<paths[P][M]>;

/** A refusal by the daemon: an RFC 9457 problem document. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly args: Record<string, unknown> = {},
    /** With refused photos, the analysis of each. */
    readonly faces: readonly unknown[] = [],
  ) {
    super(detail);
  }
}

/** No answer: what was requested may have happened or not. */
export class Unreachable extends Error {}

const actions = new ActionKeys();

let csrf = "";
let onSignedOut = (): void => undefined;
let onTime: (ms: number) => void = () => undefined;

export function setCsrf(token: string | null | undefined): void {
  csrf = token ?? "";
}

/** Call `signedOut` when the session has ended, and `time` with the daemon's clock, ms, at each answer. */
export function listen(signedOut: () => void, time: (ms: number) => void): void {
  onSignedOut = signedOut;
  onTime = time;
}

export interface Parameters {
  path?: Record<string, string>;
  /** A list is sent as several values of its name. */
  query?: Record<string, string | number | readonly string[] | undefined>;
  /** The tag that the change builds on: refused (412) once anything of people or site has changed since. */
  match?: string;
  /** Takes the tag of what was read. */
  tagged?: (tag: string) => void;
  /** A body that is no JSON, such as a picture or a file. */
  raw?: { data: Uint8Array<ArrayBuffer>; type: string };
  /** For what takes its time. */
  timeoutMs?: number;
  /** Gives the call up. */
  signal?: AbortSignal;
}

/** Call an operation of the API by its path in the OpenAPI document. */
export async function call<P extends keyof paths, M extends Method>(
  method: M,
  path: P,
  parameters: Parameters = {},
  body?: Sent<paths[P][M]>,
): Promise<Answer<P, M>> {
  const isSignIn = method === "post" && [`${PREFIX}/session`, `${PREFIX}/session/kiosk`].includes(path);
  const url = address(path, parameters);
  const { raw } = parameters;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const content = raw?.data ?? text;
  const key = method === "get" || raw ? undefined : actions.begin(`${method} ${url} ${parameters.match ?? ""} ${text ?? ""}`);
  const response = await sent(url, {
    method: method.toUpperCase(),
    headers: {
      "X-CSRF-Token": csrf,
      ...(key === undefined ? {} : { "Idempotency-Key": key }),
      ...(content === undefined ? {} : { "Content-Type": raw?.type ?? "application/json" }),
      ...(parameters.match === undefined ? {} : { "If-Match": parameters.match }),
    },
    ...(content === undefined ? {} : { body: content }),
    signal: ended(AbortSignal.timeout(parameters.timeoutMs ?? TIMEOUT_MS), parameters.signal),
  }).finally(() => {
    if (key !== undefined) actions.end(key);
  });
  const date = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isNaN(date)) onTime(date);
  if (!response.ok) throw await refusal(response, isSignIn);
  parameters.tagged?.(response.headers.get("etag") ?? "*");
  try {
    return (await response.json()) as Answer<P, M>;
  } catch (error) {
    throw new Unreachable("the answer was cut off", { cause: error });
  }
}

/** Call an operation that says how far it is; closing the connection ends its work at the daemon. */
export async function followed<P extends keyof paths, M extends Method>(
  method: M,
  path: P,
  parameters: Parameters & { signal: AbortSignal },
  onProgress: (done: number, total: number) => void,
): Promise<Answer<P, M>> {
  const headers = { "X-CSRF-Token": csrf, Accept: "text/event-stream" };
  const response = await sent(address(path, parameters), { method: method.toUpperCase(), headers, signal: parameters.signal });
  if (!response.ok || response.body === null) throw await refusal(response, false);
  for await (const { name, data } of messagesOf(response.body)) {
    const found = JSON.parse(data) as unknown;
    if (name === "result") return found as Answer<P, M>;
    if (name === "problem") throw problemOf(found as Partial<Problem>, response);
    const { done, total } = found as { done: number; total: number };
    onProgress(done, total);
  }
  throw new Unreachable("the stream broke");
}

/** Return the address of a file that the daemon makes, for a link. */
export function fileAddress(path: `${typeof PREFIX}/${string}`, parameters: Parameters = {}): string {
  return address(path, parameters);
}

/** Read the stream until it ends; `after` is the last seq that is known. */
export async function follow(after: number, take: (messages: Message[]) => void, signal: AbortSignal): Promise<void> {
  const response = await sent(`${PREFIX}/events/stream`, { headers: { "Last-Event-ID": String(after) }, signal });
  if (!response.ok || response.body === null) throw await refusal(response, false);
  for await (const messages of batchesOf(response.body)) take(messages);
}

async function* batchesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Message[]> {
  const reader = new MessageReader();
  const decoder = new TextDecoder();
  const pieces = body.getReader();
  for (;;) {
    const { done, value } = await pieces.read().catch((error: unknown) => {
      throw new Unreachable("the stream broke", { cause: error });
    });
    if (done) return;
    yield reader.read(decoder.decode(value, { stream: true }));
  }
}

/** Return the address of a person's photo, which the browser reads itself. */
export function photoAddress(badge: string): string {
  return address(`${PREFIX}/people/{badge}/photo`, { path: { badge } });
}

/** Return the address of a person's copy of all that is stored, for a link that saves it. */
export function personCopy(badge: string, templates = false): string {
  return address(`${PREFIX}/people/{badge}/export`, { path: { badge }, query: templates ? { templates: "true" } : {} });
}

async function* messagesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  for await (const messages of batchesOf(body)) yield* messages;
}

/** Return what names the version of the page that the daemon serves. */
export async function pageVersion(): Promise<string> {
  const response = await sent("/", { method: "HEAD", cache: "no-cache", signal: AbortSignal.timeout(VERSION_TIMEOUT_MS) });
  return response.ok ? (response.headers.get("etag") ?? "") : "";
}

/** Return the address of the list of an import's failures, for a link that saves it. */
export function importFailures(job: string): string {
  return address(`${PREFIX}/imports/{job}/failures`, { path: { job } });
}

async function sent(url: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { cache: "no-store", credentials: "same-origin", ...options });
  } catch (error) {
    throw new Unreachable("the daemon does not answer", { cause: error });
  }
}

async function refusal(response: Response, isSignIn: boolean): Promise<Problem> {
  const found = (await response.json().catch(() => ({}))) as Partial<Problem>;
  if (response.status === 401 && !isSignIn) onSignedOut();
  return problemOf(found, response);
}

function problemOf(found: Partial<Problem>, response: Response): Problem {
  return new Problem(found.status ?? response.status, found.code ?? "", found.detail ?? response.statusText, found.args, found.faces);
}

function ended(timeout: AbortSignal, given: AbortSignal | undefined): AbortSignal {
  return given === undefined ? timeout : AbortSignal.any([timeout, given]);
}

function address(path: string, { path: named = {}, query = {} }: Parameters): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(named[name] ?? ""));
  const wanted = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? (value as string[]) : [value]) if (one !== undefined) wanted.append(name, String(one));
  }
  return wanted.size > 0 ? `${filled}?${wanted.toString()}` : filled;
}
