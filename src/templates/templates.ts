import { nearest } from '../lib/nearest.ts';
import { analyzeLogs } from './analyze-logs.ts';
import { classifyBulk } from './classify-bulk.ts';
import { customTemplate } from './custom.ts';
import { generateDocs } from './generate-docs.ts';
import { generateReport } from './generate-report.ts';
import { generateTests } from './generate-tests.ts';
import type { Template } from './template.ts';

/** What a `task_type` turned out to be. */
export type FoundTemplate =
  | { kind: 'built_in'; template: Template }
  /** Unknown, and so a type of the caller's own; the warning names the known ones. */
  | { kind: 'custom'; template: Template; warning: string }
  /** Too near to a known type to be one of the caller's own. */
  | { kind: 'mistyped'; suggestion: string };

export type Templates = {
  /** The built-in task types. */
  readonly names: readonly string[];
  find(taskType: string): FoundTemplate;
};

const builtIn = [analyzeLogs, generateReport, classifyBulk, generateDocs, generateTests];

export function createTemplates(): Templates {
  const byName = new Map(builtIn.map((template) => [template.task_type, template]));
  const names = [...byName.keys()];
  return {
    names,
    find(taskType) {
      const template = byName.get(taskType);
      if (template !== undefined) return { kind: 'built_in', template };
      const suggestion = nearest(taskType, names);
      if (suggestion !== undefined) return { kind: 'mistyped', suggestion };
      const warning = `this task_type is not built in: the task runs as a custom one over its raw input_data. Built in: ${names.join(', ')}`;
      return { kind: 'custom', template: customTemplate(taskType), warning };
    },
  };
}
