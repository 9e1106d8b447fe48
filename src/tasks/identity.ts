import type { Templates } from '../templates/templates.ts';
import type { Work } from './work.ts';

/**
 * What tells work over an earlier batch's answers apart, for it can be submitted before these are there: the batch, the
 * attempts at it and all that is asked of each answer. Null for other work, which its tasks tell apart.
 */
export function identityOf(
  { source, defaults, variants, max_tasks, merge }: Work,
  templates: Templates,
): unknown[] | null {
  if (source.kind !== 'from_batch') return null;
  const { context = [], task_type, prompt, ...settings } = defaults;
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
