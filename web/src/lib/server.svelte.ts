import { ApiError, apiKey, listModels, readiness, setApiKey } from './api';
import { settings } from './settings.svelte';
import type { ModelCard } from './types';

type State = 'checking' | 'loading' | 'ready' | 'offline' | 'failed' | 'draining' | 'auth';

const LOADING_POLL_MS = 700;
const OFFLINE_POLL_MS = 2000;

/** What the page knows about the server, and the polling that keeps it true until the server is ready. */
class Server {
  state = $state<State>('checking');
  progress = $state<number | null>(null);
  models = $state.raw<ModelCard[]>([]);
  /** A key was sent and refused. */
  keyRefused = $state(false);
  /** The question for a key is open. */
  keyDialog = $state(false);

  model = $derived(this.models.find(({ id }) => id === settings.model) ?? this.models[0] ?? null);
  modelName = $derived(this.model ? displayName(this.model.id) : 'Bowhead');

  #timer: ReturnType<typeof setTimeout> | undefined;
  #checking = false;

  /** Asks /ready, then /v1/models; comes back by itself until both answer. */
  check = async (): Promise<void> => {
    if (this.#checking) return;
    this.#checking = true;
    clearTimeout(this.#timer);
    try {
      const ready = await readiness(AbortSignal.timeout(10_000));
      if (ready.state === 'ready') return await this.#loadModels();
      this.state = ready.state;
      this.progress = ready.state === 'loading' ? ready.progress : null;
      this.#later(ready.state === 'loading' ? LOADING_POLL_MS : OFFLINE_POLL_MS);
    } finally {
      this.#checking = false;
    }
  };

  giveKey(key: string): void {
    setApiKey(key.trim());
    void this.check();
  }

  /** A request failed in a way that says something about the server. */
  noteFailure(error: ApiError): void {
    if (error.failure.kind === 'auth') {
      this.#askForKey();
    } else if (error.failure.kind === 'offline' || error.status === 503) {
      void this.check();
    }
  }

  async #loadModels(): Promise<void> {
    try {
      this.models = withoutAliases(await listModels());
      this.state = 'ready';
      this.keyRefused = false;
      this.keyDialog = false;
    } catch (error) {
      if (error instanceof ApiError && error.failure.kind === 'auth') {
        this.#askForKey();
      } else {
        this.state = 'offline';
        this.#later(OFFLINE_POLL_MS);
      }
    }
  }

  #askForKey(): void {
    this.keyRefused = apiKey() !== '';
    this.keyDialog = true;
    this.state = 'auth';
  }

  #later(ms: number): void {
    this.#timer = setTimeout(this.check, ms);
  }
}

/** One row per model: the first of the names that a model answers to is its own. */
function withoutAliases(models: ModelCard[]): ModelCard[] {
  const seen = new Set<string>();
  return models.filter(({ id, bowhead }) => {
    const facts = bowhead ? JSON.stringify(bowhead) : id;
    return !seen.has(facts) && seen.add(facts);
  });
}

/** A file's name without what only a file needs. */
export function displayName(id: string): string {
  return id.replace(/\.gguf$/i, '');
}

export const server = new Server();
