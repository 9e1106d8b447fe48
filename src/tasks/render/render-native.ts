import { exactParams, type NativeTask } from '../task.ts';
import type { Renderer, Rendering } from './rendered-task.ts';

export function contextBesideNative(): Rendering {
  const problem = 'is sent as it is, so context_files would not be read';
  return {
    ok: false,
    problems: [{ field: 'params', problem, valid: '{task_id, prompt}, or no context_files' }],
  };
}

export function renderNative(task: NativeTask, { catalog, allowNetworkTools, dialect }: Renderer): Rendering {
  const given = exactParams(task);
  const sent = dialect.requests.tidy(given);
  const params = sent === given ? task.params : dialect.requests.tidy(task.params);
  const problems = dialect.requests.check(params, { catalog, allowNetworkTools });
  const { model: modelId, max_tokens, answer_schema, ...facts } = dialect.requests.facts(params);
  const model = modelId === null ? undefined : catalog.find(modelId);
  if (problems.length > 0 || model === undefined || max_tokens === null) {
    return {
      ok: false,
      problems: problems.map((found) => ({ ...found, field: `params.${found.field ?? ''}` })),
    };
  }
  return {
    ok: true,
    rendered: {
      params: sent,
      prompt: dialect.requests.size(params),
      model,
      max_tokens,
      expected_output_tokens: Math.min(max_tokens, EXPECTED_NATIVE_OUTPUT),
      task_type: undefined,
      ...facts,
      structured: answer_schema !== null,
      answer_schema: answer_schema
        ? { schema: answer_schema.schema, field: `params.${answer_schema.field}`, isShared: false }
        : undefined,
      warnings: [],
      identity: { custom_id: task.task_id, params: given },
    },
  };
}

/** Nothing is known about the length of a native request's answer, so some twenty lines are assumed. */
const EXPECTED_NATIVE_OUTPUT = 500;
