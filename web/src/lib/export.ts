import { currentAnswer, titleOf } from './chats.svelte';
import { t } from './i18n.svelte';
import { displayName } from './server.svelte';
import type { Conversation } from './types';

export function toMarkdown(conversation: Conversation): string {
  const parts = [`# ${titleOf(conversation)}`];
  if (conversation.system.trim()) parts.push(`> ${conversation.system.trim().replace(/\n/g, '\n> ')}`);
  for (const message of conversation.messages) {
    if (message.role === 'user') parts.push(`## ${t('you')}`, message.content);
    else {
      const answer = currentAnswer(message);
      parts.push(`## ${displayName(answer.model)}`, answer.content);
    }
  }
  return parts.join('\n\n') + '\n';
}

export function toJson(conversations: Conversation | Conversation[]): string {
  const list = Array.isArray(conversations) ? conversations : [conversations];
  return JSON.stringify({ format: 'bowhead-conversations', version: 1, conversations: list }, null, 2);
}

/** Hands text to the browser's download. */
export function download(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A title as a file name that every system takes. */
export function fileName(title: string, ending: string): string {
  const safe = title.replace(/[\\/:*?"<>|\u0000-\u001f]+/g, ' ').replace(/\s+/g, ' ').trim().slice(0, 60);
  return `${safe || 'conversation'}.${ending}`;
}
