import { describe, expect, it } from 'vitest';
import { modelTable } from '../../../src/provider/anthropic/models/price-table.ts';
import { dialectOf } from '../../../src/provider/dialects.ts';
import { createModelCatalog } from '../../../src/provider/models.ts';
import { checkShared, renderTask } from '../../../src/tasks/render/render.ts';
import type { RenderedTask } from '../../../src/tasks/render/rendered-task.ts';
import type { Task, TaskDefaults } from '../../../src/tasks/task.ts';
import { createTemplates } from '../../../src/templates/templates.ts';

const renderer = {
  templates: createTemplates(),
  catalog: createModelCatalog(modelTable),
  allowNetworkTools: false,
  dialect: dialectOf('anthropic'),
};

function render(task: TaskDefaults, defaults: TaskDefaults = {}) {
  return renderTask({ kind: 'task', task_id: 'a', ...task }, defaults, renderer);
}

function rendered(task: TaskDefaults, defaults: TaskDefaults = {}): RenderedTask {
  const rendering = render(task, defaults);
  if (!rendering.ok) throw new Error(JSON.stringify(rendering.problems));
  return rendering.rendered;
}

function promptOf({ params }: RenderedTask): unknown {
  const [message]: unknown[] = Array.isArray(params.messages) ? params.messages : [];
  return message;
}

describe('the prompt', () => {
  const user = (content: string) => ({ role: 'user', content });
  const rows: [what: string, task: TaskDefaults, defaults: TaskDefaults, content: string][] = [
    ["the task's own, as it is", { prompt: 'Say {{hi}}' }, {}, 'Say {{hi}}'],
    ['with input as context', { prompt: 'Go', input_data: { a: 'b' } }, {}, 'Go\n\n<a>\nb\n</a>'],
    ['with shared input too', { prompt: 'Go' }, { input_data: { a: 'b' } }, 'Go\n\n<a>\nb\n</a>'],
    ['shared, with places', { input_data: { a: 'b' } }, { prompt: 'On {{a}}' }, 'On b'],
    ['shared, with places in shared input', {}, { prompt: 'On {{a}}', input_data: { a: 'b' } }, 'On b'],
    ['shared, without places', { input_data: { a: 'b' } }, { prompt: 'Go' }, 'Go\n\n<a>\nb\n</a>'],
    ["the task's own before a shared one", { prompt: 'Mine' }, { prompt: 'Shared {{x}}' }, 'Mine'],
    ['before a type', { prompt: 'Mine', task_type: 'analyze_logs' }, {}, 'Mine'],
    [
      "the task's input before the shared",
      { input_data: { a: 'own' } },
      { prompt: '{{a}}', input_data: { a: 'b' } },
      'own',
    ],
  ];
  it.each(rows)('%s', (_, task, defaults, content) => {
    const result = rendered(task, defaults);
    expect(promptOf(result)).toEqual(user(content));
    expect(result.params.system).toBeUndefined();
  });
});

describe('the settings', () => {
  const prompt = 'Go';
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  const rows: [what: string, task: TaskDefaults, defaults: TaskDefaults, params: object][] = [
    ['the capable tier', {}, {}, { model: 'claude-sonnet-5-5', max_tokens: 4096 }],
    ['a tier', { model_tier: 'cheap' }, {}, { model: 'claude-haiku-5-5' }],
    ['a shared tier', {}, { model_tier: 'premium' }, { model: 'claude-opus-5-5' }],
    [
      'a model before a tier',
      { model: 'claude-opus-4-8', model_tier: 'cheap' },
      {},
      { model: 'claude-opus-4-8' },
    ],
    [
      'an own tier before a shared model',
      { model_tier: 'cheap' },
      { model: 'claude-opus-4-8' },
      { model: 'claude-haiku-5-5' },
    ],
    ['max_tokens', { max_tokens: 5 }, { max_tokens: 7 }, { max_tokens: 5 }],
    ['shared max_tokens', {}, { max_tokens: 7 }, { max_tokens: 7 }],
    ['system', { system: 'Own' }, { system: 'Shared' }, { system: 'Own' }],
    ['a shared system', {}, { system: 'Shared' }, { system: 'Shared' }],
    [
      'a schema, closed',
      { output_schema: schema },
      {},
      {
        output_config: {
          format: { type: 'json_schema', schema: { ...schema, additionalProperties: false } },
        },
      },
    ],
  ];
  it.each(rows)('%s', (_, task, defaults, params) => {
    expect(rendered({ prompt, ...task }, defaults).params).toMatchObject(params);
  });

  it('of a type, a given system takes the place of the type’s own', () => {
    const task = { task_type: 'analyze_logs', input_data: { logs: 'x' } };
    expect(rendered(task).params.system).toContain('reliability engineer');
    expect(rendered({ ...task, system: 'Mine' }).params.system).toBe('Mine');
  });

  it('of a type that answers in JSON are told', () => {
    const task = { task_type: 'classify_bulk', input_data: { items: ['a'] } };
    expect(rendered(task)).toMatchObject({ structured: true, task_type: 'classify_bulk', warnings: [] });
  });

  it('of a custom type bring a warning', () => {
    expect(rendered({ task_type: 'translate', input_data: { a: 'b' } }).warnings).toHaveLength(1);
  });
});

describe('what is wrong', () => {
  const rows: [what: string, task: TaskDefaults, defaults: TaskDefaults, ...fields: string[]][] = [
    [
      'in the model and the input',
      { model: 'x', task_type: 'generate_docs', input_data: {} },
      {},
      'model',
      'input_data.code',
    ],
    ['in type and model', { model: 'x', task_type: 'generate_dosc' }, {}, 'task_type', 'model'],
    ['in the schema and the prompt', { output_schema: {} }, { prompt: '{{a}}' }, 'output_schema', 'prompt'],
    [
      'with shared max_tokens',
      { prompt: 'Go', model: 'claude-haiku-4-5' },
      { max_tokens: 64_001 },
      'max_tokens',
    ],
    ['with a shared model is no task’s', { prompt: 'Go' }, { model: 'x' }],
    ['with a shared type is no task’s', { input_data: { a: 'b' } }, { task_type: 'generate_dosc' }],
    ['with a shared schema is no task’s', { prompt: 'Go' }, { output_schema: {} }],
  ];
  it.each(rows)('%s', (_, task, defaults, ...fields) => {
    const rendering = render(task, defaults);
    expect(rendering.ok).toBe(false);
    if (!rendering.ok) expect(rendering.problems.map(({ field }) => field)).toEqual(fields);
  });

  it('with what is shared is told once', () => {
    const defaults = { model: 'x', task_type: 'generate_dosc', output_schema: {} };
    const fields = checkShared(defaults, renderer).map(({ field }) => field);
    expect(fields).toEqual(['task_type', 'model', 'output_schema']);
    expect(checkShared({ prompt: 'Go', model: 'claude-opus-5-5', task_type: 'mine' }, renderer)).toEqual([]);
  });
});

describe('a native request', () => {
  const params = {
    model: 'claude-opus-5-5',
    max_tokens: 9,
    messages: [{ role: 'user', content: 'Hi' }],
    metadata: { user_id: 'x' },
  };
  const native = (change: object): Task => ({
    kind: 'native',
    task_id: 'a',
    params: { ...params, ...change },
  });

  it('goes as it is, whatever is shared', () => {
    const defaults = { model_tier: 'cheap' as const, system: 'Shared', prompt: '{{x}}', max_tokens: 5 };
    const rendering = renderTask(native({}), defaults, renderer);
    expect(rendering).toMatchObject({ ok: true, rendered: { params, max_tokens: 9, structured: false } });
  });

  it('has its problems named within params', () => {
    const rendering = renderTask(native({ stream: true }), {}, renderer);
    expect(rendering).toMatchObject({ ok: false, problems: [{ field: 'params.stream' }] });
  });
});

describe('the identity, which the content hash covers', () => {
  const task = { prompt: 'Go' };
  const identity = (own: TaskDefaults, defaults: TaskDefaults = {}) =>
    JSON.stringify(rendered(own, defaults).identity);

  it('is the same wherever a setting is given', () => {
    expect(identity({ ...task, system: 'S', max_tokens: 5 })).toBe(
      identity(task, { system: 'S', max_tokens: 5 }),
    );
  });

  const changes: TaskDefaults[] = [
    { prompt: 'Go on' },
    { system: 'S' },
    { max_tokens: 5 },
    { model_tier: 'cheap' },
    { model: 'claude-opus-4-8' },
    { input_data: { a: 1 } },
    { output_schema: { type: 'object', properties: {} } },
  ];
  it.each(changes)('changes with %j', (change) => {
    expect(identity({ ...task, ...change })).not.toBe(identity(task));
  });

  it('of a tier outlives the model that serves it', () => {
    const catalog = createModelCatalog(modelTable, { tiers: { cheap: 'claude-haiku-4-5' } });
    const given: Task = { kind: 'task', task_id: 'a', prompt: 'Go', model_tier: 'cheap' };
    const [now, then] = [renderer, { ...renderer, catalog }].map((each) => renderTask(given, {}, each));
    if (!now?.ok || !then?.ok) throw new Error('not rendered');
    expect(then.rendered.model.id).not.toBe(now.rendered.model.id);
    expect(then.rendered.identity).toEqual(now.rendered.identity);
  });
});
