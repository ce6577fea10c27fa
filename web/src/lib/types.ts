/** What a person may set for a conversation. `null` leaves the choice to the server. */
export interface Parameters {
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  max_tokens: number | null;
  seed: number | null;
  stop: string[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

/** Waiting is measured in the browser; the speed is the server's where it says, for a busy browser gets tokens in heaps. */
export interface Timing {
  first_token_ms: number | null;
  total_ms: number;
  tokens_per_second: number | null;
}

/** Why an answer is missing or incomplete, in the words of the server where it said something. */
export interface Failure {
  kind: 'context' | 'auth' | 'offline' | 'busy' | 'server';
  message: string;
}

export interface Answer {
  content: string;
  reasoning: string;
  model: string;
  created: number;
  usage: Usage | null;
  timing: Timing | null;
  /** 'stop' and 'length' are the server's; 'stopped' is the person's. */
  finish: string | null;
  failure: Failure | null;
}

export interface UserMessage {
  id: string;
  role: 'user';
  content: string;
  created: number;
}

/** One turn of the model. Regenerating adds a version; none is lost. */
export interface AnswerMessage {
  id: string;
  role: 'assistant';
  versions: Answer[];
  current: number;
}

export type Message = UserMessage | AnswerMessage;

export interface Conversation {
  id: string;
  title: string;
  /** A person named it: it keeps that name. */
  named: boolean;
  created: number;
  updated: number;
  system: string;
  messages: Message[];
}

export type Summary = Pick<Conversation, 'id' | 'title' | 'created' | 'updated'>;

/** A row of GET /v1/models. `bowhead` is ours; every field may be missing. */
export interface ModelCard {
  id: string;
  bowhead?: {
    name?: string;
    architecture?: string;
    parameters?: number;
    quantization?: string;
    context_length?: number;
    isa?: string;
    file_bytes?: number;
    generation?: number | string;
    license?: string;
    [key: string]: unknown;
  };
}
