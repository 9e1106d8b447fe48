import { createHash } from 'node:crypto';
import { ExactNumber } from '../lib/exact-json.ts';
import { isJsonObject } from '../lib/json.ts';
import type { Templates } from '../templates/templates.ts';
import type { Work } from './work.ts';

/**
 * A text that is the same for equal JSON values, whatever the order of their keys, and differs for different ones.
 * Strings appear unescaped, after their length: escaping them would take longer than everything else.
 */
export function canonicalText(value: unknown): string {
  // A lone surrogate has no UTF-8 form: all of them would be hashed as the same character.
  if (typeof value === 'string')
    return value.isWellFormed() ? `${value.length}:${value}` : JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return `${JSON.stringify(value) ?? 'null'};`;
  if (Array.isArray(value)) {
    let text = '[';
    for (const each of value) text += canonicalText(each);
    return `${text}]`;
  }
  if (value instanceof ExactNumber) return `${value.source};`;
  if (!isJsonObject(value)) return 'null;';
  let text = '{';
  for (const key of Object.keys(value).sort()) {
    const entry = value[key];
    if (entry !== undefined) text += canonicalText(key) + canonicalText(entry);
  }
  return `${text}}`;
}

/**
 * What identifies work over an earlier batch's answers, which may be submitted before they exist: the batch, its
 * attempts and everything that is asked about each answer. Null for other work, which its tasks identify.
 */
function identityOf(
  { source, defaults, variants, max_tasks, merge }: Work,
  templates: Templates,
): unknown[] | null {
  if (source.kind !== 'from_batch') return null;
  // The answers are the same with a primer and without.
  const { context = [], task_type, prompt, primer: _primer, ...settings } = defaults;
  const found = task_type === undefined || prompt !== undefined ? null : templates.find(task_type);
  const template = found === null || found.kind === 'mistyped' ? null : found.template;
  return [
    'from_batch',
    source.batch_id,
    source.attempts,
    [...(source.outcomes ?? [])].sort(),
    max_tasks ?? null,
    ...(merge === undefined ? [] : [{ merge }]),
    { ...settings, task_type, prompt },
    template && [template.task_type, template.version],
    context.map(({ name, sha256 }) => [name, sha256]),
    ...(variants ?? []).map(({ name, own }) => [name, own]),
  ];
}

export type WorkHashes = {
  content_hash: string;
  /** The hash of the same work, whatever account it is sent to. */
  work_hash: string;
};

/** Hashes work as it is read, block by block; `recipient` identifies the account that it is sent to. */
export function hashWork(work: Work, recipient: readonly unknown[], templates: Templates) {
  const known = identityOf(work, templates);
  const meaning = [...(work.pack === undefined ? [] : [{ pack: work.pack }]), ...(known ?? [])];
  const content = createHash('sha256').update(canonicalText([...recipient, ...meaning]));
  const alone = createHash('sha256').update(meaning.length === 0 ? '' : canonicalText(meaning));
  return {
    add({ digests }: { digests: Uint8Array }): void {
      if (known !== null) return;
      content.update(digests);
      alone.update(digests);
    },
    digest: (): WorkHashes => ({ content_hash: content.digest('hex'), work_hash: alone.digest('hex') }),
  };
}
