import { readEvents } from './sse';
import type { Failure, ModelCard, Parameters, Usage } from './types';

export interface WireMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface ChatEvents {
  onText(text: string): void;
  onReasoning(text: string): void;
  onUsage(usage: Usage): void;
  /** `rate`: the server's own tokens per second, where it says. */
  onFinish(reason: string, rate: number | null): void;
}

/** A request that did not succeed, sorted by what the person can do about it. */
export class ApiError extends Error {
  constructor(
    readonly failure: Failure,
    readonly status: number,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(failure.message);
  }
}

const KEY = 'bowhead.api_key';

/** The key lives only as long as the tab. */
export function apiKey(): string {
  try {
    return sessionStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

export function setApiKey(key: string): void {
  try {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  } catch {
    // No store: the key has to be given again.
  }
}

function headers(extra: Record<string, string> = {}): Record<string, string> {
  const key = apiKey();
  return key ? { ...extra, Authorization: `Bearer ${key}` } : extra;
}

async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ kind: 'offline', message: '' }, 0);
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function errorOf(response: Response): Promise<ApiError> {
  let message = '';
  let code = '';
  try {
    const { error } = (await response.json()) as { error?: { message?: unknown; code?: unknown } | string };
    if (typeof error === 'string') message = error;
    else {
      message = typeof error?.message === 'string' ? error.message : '';
      code = typeof error?.code === 'string' ? error.code : '';
    }
  } catch {
    // Not JSON: the status has to do.
  }
  const { status } = response;
  const wait = Number(response.headers.get('retry-after') ?? NaN);
  const retryAfter = Number.isFinite(wait) ? wait : null;
  return new ApiError(
    { kind: kindOf(status, code), message: message || `HTTP ${status} ${response.statusText}`.trim() },
    status,
    retryAfter,
  );
}

function kindOf(status: number, code: string): Failure['kind'] {
  if (status === 401 || status === 403) return 'auth';
  if (code === 'context_length_exceeded') return 'context';
  if (status === 429 || status === 503) return 'busy';
  return 'server';
}

export type Readiness = { state: 'ready' | 'offline' | 'failed' | 'draining' } | { state: 'loading'; progress: number | null };

/** GET /ready: 200 once the model answers, 503 with what it is doing until then. */
export async function readiness(signal?: AbortSignal): Promise<Readiness> {
  let response: Response;
  try {
    response = await fetch('/ready', { signal, cache: 'no-store' });
  } catch {
    return { state: 'offline' };
  }
  if (response.ok) return { state: 'ready' };
  try {
    const body = (await response.json()) as Record<string, unknown>;
    const progress = typeof body.progress === 'number' ? Math.min(1, Math.max(0, body.progress)) : null;
    if (body.status === 'failed' || body.status === 'draining') return { state: body.status };
    return { state: 'loading', progress };
  } catch {
    return { state: 'loading', progress: null };
  }
}

export async function listModels(): Promise<ModelCard[]> {
  const response = await send('/v1/models', { headers: headers(), cache: 'no-store' });
  const body = (await response.json()) as { data?: ModelCard[] };
  return Array.isArray(body.data) ? body.data.filter((model) => typeof model?.id === 'string') : [];
}

function requestBody(model: string, messages: WireMessage[], parameters: Parameters): string {
  const body: Record<string, unknown> = { model, messages, stream: true, stream_options: { include_usage: true } };
  for (const name of ['temperature', 'top_p', 'top_k', 'max_tokens', 'seed'] as const) {
    if (parameters[name] !== null) body[name] = parameters[name];
  }
  if (parameters.stop.length > 0) body.stop = parameters.stop;
  return JSON.stringify(body);
}

/** One streamed answer. Resolves at its end; rejects with ApiError, or AbortError after `signal`. */
export async function streamChat(
  model: string,
  messages: WireMessage[],
  parameters: Parameters,
  events: ChatEvents,
  signal: AbortSignal,
): Promise<void> {
  const response = await send('/v1/chat/completions', {
    method: 'POST',
    headers: headers({ 'Content-Type': 'application/json' }),
    body: requestBody(model, messages, parameters),
    signal,
  });
  if (!response.body) throw new ApiError({ kind: 'server', message: 'The server sent no body.' }, response.status);
  let complete = false;
  try {
    for await (const data of readEvents(response.body)) {
      if (data === '[DONE]') {
        complete = true;
        break;
      }
      if (dispatch(JSON.parse(data), events)) complete = true;
    }
  } catch (error) {
    if (error instanceof ApiError || signal.aborted) throw error;
    throw new ApiError({ kind: 'offline', message: '' }, 0);
  }
  if (!complete) throw new ApiError({ kind: 'offline', message: '' }, 0);
}

interface Chunk {
  error?: { message?: string; code?: string };
  usage?: Usage | null;
  bowhead?: { completion_tokens_per_second?: number };
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null; reasoning?: string | null };
    finish_reason?: string | null;
  }[];
}

/** True once the chunk says why the answer ended. */
function dispatch(chunk: Chunk, events: ChatEvents): boolean {
  if (chunk.error) {
    throw new ApiError({ kind: kindOf(500, chunk.error.code ?? ''), message: chunk.error.message ?? '' }, 500);
  }
  if (chunk.usage) events.onUsage(chunk.usage);
  const choice = chunk.choices?.[0];
  const reasoning = choice?.delta?.reasoning_content ?? choice?.delta?.reasoning;
  if (reasoning) events.onReasoning(reasoning);
  if (choice?.delta?.content) events.onText(choice.delta.content);
  if (choice?.finish_reason) {
    events.onFinish(choice.finish_reason, chunk.bowhead?.completion_tokens_per_second ?? null);
    return true;
  }
  return false;
}
