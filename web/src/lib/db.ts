import type { Conversation, Summary } from './types';

const NAME = 'bowhead';
const STORE = 'conversations';

/** Conversations in this browser: IndexedDB, or memory where the browser gives the page no storage. */
export class ConversationStore {
  #database: IDBDatabase | null = null;
  readonly #memory = new Map<string, Conversation>();

  /** False if nothing outlives the page. */
  async open(): Promise<boolean> {
    try {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(NAME, 1);
        request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' });
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
        request.onblocked = () => reject(new Error('blocked'));
      });
      database.onversionchange = () => database.close();
      this.#database = database;
      return true;
    } catch {
      return false;
    }
  }

  async list(): Promise<Summary[]> {
    const all = await this.all();
    return all
      .map(({ id, title, created, updated }) => ({ id, title, created, updated }))
      .sort((a, b) => b.updated - a.updated);
  }

  async all(): Promise<Conversation[]> {
    if (!this.#database) return [...this.#memory.values()];
    return this.#run('readonly', (store) => store.getAll() as IDBRequest<Conversation[]>);
  }

  async get(id: string): Promise<Conversation | undefined> {
    if (!this.#database) return structuredClone(this.#memory.get(id));
    return this.#run('readonly', (store) => store.get(id) as IDBRequest<Conversation | undefined>);
  }

  /** Rejects with a QuotaExceededError when the browser's storage is full. */
  async put(conversation: Conversation): Promise<void> {
    if (!this.#database) this.#memory.set(conversation.id, structuredClone(conversation));
    else await this.#run('readwrite', (store) => store.put(conversation));
  }

  async delete(id: string): Promise<void> {
    if (!this.#database) this.#memory.delete(id);
    else await this.#run('readwrite', (store) => store.delete(id));
  }

  async clear(): Promise<void> {
    if (!this.#database) this.#memory.clear();
    else await this.#run('readwrite', (store) => store.clear());
  }

  #run<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const transaction = this.#database!.transaction(STORE, mode);
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  }
}
