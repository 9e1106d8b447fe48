import { nearest } from '../lib/nearest.ts';
import { classifyBulk } from './classify-bulk.ts';
import { customTemplate } from './custom.ts';
import { analyzeLogs, generateDocs, generateReport, generateTests } from './field-templates.ts';
import { type OwnTemplate, ownTemplate } from './own-template.ts';
import type { Template } from './template.ts';

/** What a `task_type` turned out to be. */
export type FoundTemplate =
  | { kind: 'known'; template: Template }
  /** Unknown, and so a type of the caller's own; the warning names the known ones. */
  | { kind: 'custom'; template: Template; warning: string }
  /** Too near to a known type to be one of the caller's own. */
  | { kind: 'mistyped'; suggestion: string };

export type Templates = {
  /** The task types that are known: the owner's, and the built-in ones. */
  readonly names: readonly string[];
  /** The owner's, as they were read last: data that a thread can have. */
  readonly own: readonly OwnTemplate[];
  find(taskType: string): FoundTemplate;
  /** Reads the owner's again. Throws `invalid_input` where they can't be used. */
  refresh(): Promise<void>;
};

const namedOf = (own: readonly OwnTemplate[]): ReadonlyMap<string, Template> =>
  new Map(
    [
      ...own.map(ownTemplate),
      ...builtIn.filter(({ task_type }) => !own.some(({ name }) => name === task_type)),
    ].map((template) => [template.task_type, template]),
  );

const builtIn = [analyzeLogs, generateReport, classifyBulk, generateDocs, generateTests];

/** The task types, those of `own` first: one of a built-in's name stands in its place. `read` reads them again. */
export function createTemplates(
  own: readonly OwnTemplate[] = [],
  read: () => Promise<readonly OwnTemplate[]> = async () => own,
): Templates {
  let current = own;
  let byName = namedOf(own);
  return {
    get names() {
      return [...byName.keys()];
    },
    get own() {
      return current;
    },
    async refresh() {
      current = await read();
      byName = namedOf(current);
    },
    find(taskType) {
      const names = [...byName.keys()];
      const template = byName.get(taskType);
      if (template !== undefined) return { kind: 'known', template };
      const suggestion = nearest(taskType, names);
      if (suggestion !== undefined) return { kind: 'mistyped', suggestion };
      const warning = `this task_type is not known: the task runs as a custom one over its raw input_data. Known: ${names.join(', ')}`;
      return { kind: 'custom', template: customTemplate(taskType), warning };
    },
  };
}
