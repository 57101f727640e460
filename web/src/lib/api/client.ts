// Talking to the server: JSON in and out, problems as errors, answers remembered by their ETag.
import type { Problem } from "./types";

export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ? `${problem.title}: ${problem.detail}` : problem.title);
    this.status = problem.status;
    this.problem = problem;
  }
}

const KEPT_ANSWERS = 120;
const answers = new Map<string, { tag: string; data: unknown }>();
let csrf: string | null = null;
let batch: number | null = null;

/** The batch that the newest figures came from. */
export const seenBatch = (): number | null => batch;

export const setCsrf = (token: string | null): void => void (csrf = token);

/** The token of a shared view stands in its address: `/s/TOKEN`. */
export function shareToken(): string | null {
  const match = /^\/s\/([^/]+)/.exec(location.pathname);
  return match ? decodeURIComponent(match[1] ?? "") : null;
}

function headers(more: Record<string, string> = {}): Record<string, string> {
  const share = shareToken();
  return { Accept: "application/json", ...(share ? { "X-Shoplake-Share": share } : {}), ...more };
}

async function reach(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError({
      title: "The server does not answer",
      status: 0,
      detail: "what you see are the last figures that arrived",
      hint: "is `shoplake serve` still running? The page goes on by itself once it is back",
    });
  }
  const named = response.headers.get("Shoplake-Batch");
  if (named !== null) batch = Number(named);
  if (response.ok || response.status === 304) return response;
  let problem: Partial<Problem> = {};
  try {
    problem = (await response.json()) as Partial<Problem>;
  } catch {
    // A proxy in between answers with a page of its own: the status says enough.
  }
  throw new ApiError({
    ...problem,
    title: problem.title ?? `The server answered ${response.status}`,
    status: response.status,
  });
}

/** What is already known of an address, without asking. */
export function remembered<T>(path: string): T | undefined {
  return answers.get(path)?.data as T | undefined;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const known = answers.get(path);
  const response = await reach(path, {
    headers: headers(known ? { "If-None-Match": known.tag } : {}),
    ...(signal ? { signal } : {}),
  });
  if (response.status === 304 && known) return known.data as T;
  const data = (await response.json()) as T;
  const tag = response.headers.get("ETag");
  if (tag) {
    answers.delete(path);
    answers.set(path, { tag, data });
    const oldest = answers.keys().next().value;
    if (answers.size > KEPT_ANSWERS && oldest !== undefined) answers.delete(oldest);
  }
  return data;
}

export async function getText(path: string): Promise<{ text: string; tag: string | null }> {
  const response = await reach(path, { headers: headers({ Accept: "text/yaml, text/plain" }), cache: "no-store" });
  return { text: await response.text(), tag: response.headers.get("ETag") };
}

export async function send<T>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
): Promise<T> {
  const text = typeof body === "string";
  const response = await reach(path, {
    method,
    headers: headers({
      ...(csrf ? { "X-Shoplake-CSRF": csrf } : {}),
      ...(body === undefined ? {} : { "Content-Type": text ? "text/yaml" : "application/json" }),
      ...more,
    }),
    ...(body === undefined ? {} : { body: text ? body : JSON.stringify(body) }),
  });
  const answer = await response.text();
  const json = response.headers.get("Content-Type")?.includes("json") ?? false;
  return (answer && json ? JSON.parse(answer) : undefined) as T;
}
