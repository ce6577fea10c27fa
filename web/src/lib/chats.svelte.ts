import { flushSync } from 'svelte';
import { SvelteMap } from 'svelte/reactivity';
import { ApiError, streamChat, type WireMessage } from './api';
import { ConversationStore } from './db';
import { t } from './i18n.svelte';
import { server } from './server.svelte';
import { settings } from './settings.svelte';
import { splitThinking } from './think';
import type { Answer, AnswerMessage, Conversation, Message, Summary } from './types';

const SAVE_EVERY_MS = 2000;
const SHORTEST_MEASURE_S = 0.05;
const TITLE_CHARACTERS = 80;

// crypto.randomUUID exists only in secure contexts; a page served over plain HTTP on a home network is none.
const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');

function emptyConversation(): Conversation {
  const now = Date.now();
  return { id: newId(), title: '', named: false, created: now, updated: now, system: '', messages: [] };
}

function emptyAnswer(): Answer {
  return { content: '', reasoning: '', model: server.model?.id ?? 'default', created: Date.now(), usage: null, timing: null, finish: null, failure: null };
}

export function titleOf(conversation: Pick<Conversation, 'title'>): string {
  return conversation.title || t('newChat');
}

/** The first line of a message, cut between words where that is possible. */
function titleFrom(text: string): string {
  const line = text.trim().split('\n')[0]!;
  const characters = [...line];
  if (characters.length <= TITLE_CHARACTERS) return line;
  const cut = characters.slice(0, TITLE_CHARACTERS).join('');
  const space = cut.lastIndexOf(' ');
  return `${space > TITLE_CHARACTERS / 2 ? cut.slice(0, space) : cut}…`;
}

export function currentAnswer(message: AnswerMessage): Answer {
  return message.versions[message.current]!;
}

/** The messages as the API takes them: thoughts left out, neighbours of one role joined (templates refuse them). */
export function wireMessages(conversation: Conversation, until: number): WireMessage[] {
  const wire: WireMessage[] = [];
  if (conversation.system.trim()) wire.push({ role: 'system', content: conversation.system });
  for (const message of conversation.messages.slice(0, until)) {
    const content = message.role === 'user' ? message.content : splitThinking(currentAnswer(message).content).content;
    if (message.role === 'assistant' && !content.trim()) continue;
    const before = wire.at(-1);
    if (before?.role === message.role) before.content += `\n\n${content}`;
    else wire.push({ role: message.role, content });
  }
  return wire;
}

/** The conversations of this browser and the answers that are being written. */
class Chats {
  list = $state.raw<Summary[]>([]);
  current = $state<Conversation>(emptyConversation());
  /** Running answers by conversation. */
  readonly running = new SvelteMap<string, AbortController>();
  /** For screen readers: the last thing worth saying. */
  announcement = $state('');
  storage = $state<'ok' | 'none' | 'full'>('ok');

  busy = $derived(this.running.has(this.current.id));

  readonly #store = new ConversationStore();
  /** Conversations with a running answer, so that coming back to one finds the same object. */
  readonly #live = new Map<string, Conversation>();
  readonly #channel = 'BroadcastChannel' in window ? new BroadcastChannel('bowhead') : null;

  async open(id: string): Promise<void> {
    if (!(await this.#store.open())) this.storage = 'none';
    await this.#refresh();
    if (id) await this.select(id);
    if (this.#channel) this.#channel.onmessage = () => void this.#changedElsewhere();
  }

  startNew(): void {
    if (this.current.messages.length === 0 && !this.busy) {
      this.current.system = '';
      return;
    }
    this.current = emptyConversation();
  }

  async select(id: string): Promise<boolean> {
    if (id === this.current.id) return true;
    const live = this.#live.get(id);
    if (live) {
      this.current = live;
      return true;
    }
    const kept = await this.#store.get(id);
    if (!kept) return false;
    for (const message of kept.messages) {
      if (message.role !== 'assistant') continue;
      for (const answer of message.versions) {
        if (!answer.finish && !answer.failure) answer.finish = 'stopped'; // the page was closed in the middle of it
      }
    }
    this.current = kept;
    return true;
  }

  async rename(id: string, title: string): Promise<void> {
    await this.#change(id, (conversation) => {
      conversation.title = title.trim().slice(0, 200);
      conversation.named = conversation.title !== '';
    });
  }

  async setSystem(text: string): Promise<void> {
    this.current.system = text;
    if (this.current.messages.length > 0) await this.#save(this.current);
  }

  async delete(id: string): Promise<void> {
    this.running.get(id)?.abort();
    this.#live.delete(id);
    await this.#store.delete(id);
    if (this.current.id === id) this.current = emptyConversation();
    this.announcement = t('deleted');
    await this.#refresh(true);
  }

  async deleteAll(): Promise<void> {
    for (const controller of this.running.values()) controller.abort();
    this.#live.clear();
    await this.#store.clear();
    this.current = emptyConversation();
    this.announcement = t('deleted');
    await this.#refresh(true);
  }

  async get(id: string): Promise<Conversation | undefined> {
    return id === this.current.id ? $state.snapshot(this.current) : this.#store.get(id);
  }

  all(): Promise<Conversation[]> {
    return this.#store.all();
  }

  stop(): void {
    this.running.get(this.current.id)?.abort();
  }

  /** Sends a new message at the end. */
  send(text: string): void {
    const conversation = this.current;
    conversation.messages.push({ id: newId(), role: 'user', content: text, created: Date.now() });
    if (!conversation.named && conversation.messages.length === 1) {
      conversation.title = titleFrom(text);
    }
    this.#answer(conversation);
  }

  /** Replaces the user message at `index` and everything after it. */
  edit(index: number, text: string): void {
    const conversation = this.current;
    conversation.messages.splice(index);
    this.send(text);
  }

  /** A new version of the answer at `index`; what came after it goes. */
  regenerate(index: number): void {
    const conversation = this.current;
    const message = conversation.messages[index];
    if (message?.role !== 'assistant' || this.running.has(conversation.id)) return;
    conversation.messages.splice(index + 1);
    const failed = currentAnswer(message).failure && !currentAnswer(message).content;
    if (failed) message.versions.splice(message.current, 1);
    message.versions.push(emptyAnswer());
    message.current = message.versions.length - 1;
    void this.#run(conversation, index);
  }

  showVersion(message: AnswerMessage, version: number): void {
    message.current = Math.min(Math.max(version, 0), message.versions.length - 1);
    void this.#save(this.current);
  }

  /** The last question of this conversation, asked in a new one. */
  askAnew(): void {
    const last = this.current.messages.findLast((message: Message) => message.role === 'user');
    const system = this.current.system;
    this.current = emptyConversation();
    this.current.system = system;
    if (last?.role === 'user') this.send(last.content);
  }

  #answer(conversation: Conversation): void {
    conversation.messages.push({ id: newId(), role: 'assistant', versions: [emptyAnswer()], current: 0 });
    void this.#run(conversation, conversation.messages.length - 1);
  }

  async #run(conversation: Conversation, index: number): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.running.set(conversation.id, controller);
    this.#live.set(conversation.id, conversation);
    // Through the conversation: only what is read out of the state is itself reactive.
    const answer = currentAnswer(conversation.messages[index] as AnswerMessage);
    const writer = new Writer(answer);
    const saver = setInterval(() => void this.#save(conversation), SAVE_EVERY_MS);
    conversation.updated = Date.now();
    void this.#save(conversation);
    try {
      await streamChat(
        answer.model,
        wireMessages(conversation, index),
        settings.parameters,
        {
          onText: (text) => writer.text(text),
          onReasoning: (text) => writer.reasoning(text),
          onUsage: (usage) => (answer.usage = usage),
          onFinish: (reason, rate) => {
            answer.finish = reason;
            writer.rate = rate;
          },
        },
        signal,
      );
      writer.end();
    } catch (error) {
      writer.end();
      if (signal.aborted) answer.finish = 'stopped';
      else if (error instanceof ApiError) {
        answer.failure = error.failure;
        server.noteFailure(error);
      } else answer.failure = { kind: 'server', message: String(error) };
    } finally {
      clearInterval(saver);
      const deleted = !this.#live.delete(conversation.id);
      if (this.running.get(conversation.id) === controller) this.running.delete(conversation.id);
      answer.timing = writer.timing(answer.usage?.completion_tokens ?? null);
      conversation.updated = Date.now();
      if (!deleted) await this.#save(conversation);
      if (conversation === this.current) this.#announce(answer);
    }
  }

  #announce(answer: Answer): void {
    if (answer.failure) this.announcement = answer.failure.message || t('failOffline');
    else if (answer.finish === 'stopped') this.announcement = t('stopped');
    else this.announcement = t('answered', { text: splitThinking(answer.content).content.slice(0, 2000) });
  }

  async #change(id: string, change: (conversation: Conversation) => void): Promise<void> {
    const open = id === this.current.id ? this.current : this.#live.get(id);
    const conversation = open ?? (await this.#store.get(id));
    if (!conversation) return;
    change(conversation);
    await this.#save(conversation);
  }

  async #save(conversation: Conversation): Promise<void> {
    try {
      await this.#store.put($state.snapshot(conversation) as Conversation);
      if (this.storage === 'full') this.storage = 'ok';
    } catch {
      this.storage = 'full';
    }
    const { id, title, created, updated } = conversation;
    const others = this.list.filter((entry) => entry.id !== id);
    this.list = [...others, { id, title, created, updated }].sort((a, b) => b.updated - a.updated);
    this.#channel?.postMessage(null);
  }

  async #refresh(tell = false): Promise<void> {
    this.list = await this.#store.list();
    if (tell) this.#channel?.postMessage(null);
  }

  /** Another tab wrote: show its list, and its version of what is open here unless this tab is writing to it. */
  async #changedElsewhere(): Promise<void> {
    await this.#refresh();
    const { id, updated } = this.current;
    if (this.running.has(id)) return;
    const kept = await this.#store.get(id);
    if (kept && kept.updated > updated && this.current.id === id && !this.running.has(id)) this.current = kept;
  }
}

/** Collects what arrives and shows it at most once per frame; measures as it goes. */
class Writer {
  readonly #started = performance.now();
  #first: number | null = null;
  #last = 0;
  #pieces = 0;
  #text = '';
  #reasoning = '';
  #scheduled = false;
  #cost = 0;

  /** Tokens per second as the server counted. */
  rate: number | null = null;

  constructor(private readonly answer: Answer) {}

  text(piece: string): void {
    this.#text += piece;
    this.#arrived();
  }

  reasoning(piece: string): void {
    this.#reasoning += piece;
    this.#arrived();
  }

  end(): void {
    this.#flush();
  }

  /** `tokens`: what the server counted; without it, pieces are taken for tokens. */
  timing(tokens: number | null): Answer['timing'] {
    const total_ms = performance.now() - this.#started;
    if (this.#first === null) return { first_token_ms: null, total_ms, tokens_per_second: null };
    const spent = (this.#last - this.#first) / 1000;
    const count = (tokens ?? this.#pieces) - 1;
    const seen = count > 0 && spent >= SHORTEST_MEASURE_S ? count / spent : null;
    return { first_token_ms: this.#first - this.#started, total_ms, tokens_per_second: this.rate || seen };
  }

  #arrived(): void {
    this.#last = performance.now();
    this.#first ??= this.#last;
    this.#pieces++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    // Drawing may take a quarter of the time at most, however long the answer; a hidden page has no frames.
    const pause = document.hidden ? 250 : this.#cost * 3;
    if (pause > 16) setTimeout(() => this.#flush(), pause);
    else requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (!this.#text && !this.#reasoning) return;
    const start = performance.now();
    flushSync(() => {
      this.answer.content += this.#text;
      this.answer.reasoning += this.#reasoning;
    });
    this.#text = '';
    this.#reasoning = '';
    this.#cost = performance.now() - start;
  }
}

export const chats = new Chats();
