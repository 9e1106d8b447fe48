import type { Problem } from '../errors.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import type { JsonObject } from '../lib/json.ts';
import { checkRequired } from './field-templates.ts';
import { isEmpty, joined, otherFields, systemPrompt, tagged } from './prompt.ts';
import type { Template } from './template.ts';

type Input = Readonly<Record<string, unknown>>;

const ITEMS = 'a list of texts or objects, as in ["first item", "second item"]';
const LABELS =
  'a list of distinct, non-empty texts, as in ["positive", "negative"], or none to let the model choose';

const system =
  systemPrompt(`You classify items with care and consistency. A good answer holds exactly one entry per item, in the order of the items:
- "index" is the item's index, as it is given with the item.
- "label" is the one label that fits the item best. Where labels are given, it is one of them, spelled as given. Where none are given, choose short, clear labels, and the same label for like items.
Judge each item by what it says, not by its neighbours. Where an item fits no label well, or says too little, still give the closest one: an item is never left out.`);

function checkItems(items: unknown): Problem[] {
  if (!Array.isArray(items)) {
    const problem = `is ${typeof items === 'string' ? 'one text' : 'no list'}, but items are classified one by one`;
    return [{ field: 'input_data.items', problem, valid: ITEMS }];
  }
  return items.flatMap((item: unknown, index) =>
    isEmpty(item)
      ? [{ field: `input_data.items[${index}]`, problem: 'this item is empty', valid: ITEMS }]
      : [],
  );
}

function isLabelList(labels: unknown): labels is string[] {
  return (
    Array.isArray(labels) &&
    labels.length > 0 &&
    labels.every((label) => typeof label === 'string' && label.trim() !== '') &&
    new Set(labels).size === labels.length
  );
}

function whyNoLabels(labels: unknown): string {
  if (!Array.isArray(labels)) return 'is not a list';
  if (labels.length === 0) return 'is empty';
  const isText = labels.every((label) => typeof label === 'string' && label.trim() !== '');
  return isText ? 'has a label twice' : 'has a label that is empty or not a text';
}

/** Null labels are absent ones. */
function checkLabels(labels: unknown): Problem[] {
  if (labels === undefined || labels === null || isLabelList(labels)) return [];
  return [{ field: 'input_data.labels', problem: whyNoLabels(labels), valid: LABELS }];
}

function answerSchema(labels: unknown): JsonObject {
  return {
    type: 'object',
    properties: {
      classifications: {
        type: 'array',
        description: 'One entry per item, in the order of the items.',
        items: {
          type: 'object',
          properties: {
            index: { type: 'integer', description: "The item's index." },
            label: isLabelList(labels) ? { type: 'string', enum: labels } : { type: 'string' },
          },
          required: ['index', 'label'],
          additionalProperties: false,
        },
      },
    },
    required: ['classifications'],
    additionalProperties: false,
  };
}

/** One item per line with its index, counted from 0: models lose count of long plain lists. */
function renderItems(items: unknown): string {
  if (!Array.isArray(items)) return stringifyExact(items);
  return items.map((item: unknown, index) => stringifyExact({ index, item })).join('\n');
}

/** An entry, as `{"index":12,"label":"card_arrival"}`, takes some 20 tokens. */
const ENTRY_TOKENS = 20;
const LEAST_OUTPUT = 4096;

export const classifyBulk: Template = {
  task_type: 'classify_bulk',
  version: 1,
  description: 'Classifies a list of items, as JSON. input_data: items (a list), labels (a list, optional).',
  material: { field: 'items', isList: true },
  max_tokens: LEAST_OUTPUT,
  expected_output_tokens: 600,
  effort: 'low',
  has_room: true,
  check(input: Input) {
    const missing = checkRequired(input, 'items', ITEMS);
    return [...(missing.length > 0 ? missing : checkItems(input.items)), ...checkLabels(input.labels)];
  },
  render(input: Input) {
    const count = Array.isArray(input.items) ? input.items.length : 1;
    const labels = isLabelList(input.labels) ? [tagged('labels', JSON.stringify(input.labels))] : [];
    return {
      system,
      prompt: joined(
        ...otherFields(input, ['items', 'labels']),
        ...labels,
        tagged('items', renderItems(input.items)),
        'Classify these items.',
      ),
      output_schema: answerSchema(input.labels),
      max_tokens: Math.max(LEAST_OUTPUT, count * ENTRY_TOKENS * 2),
      expected_output_tokens: count * ENTRY_TOKENS,
    };
  },
};
