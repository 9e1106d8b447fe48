import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../../errors.ts';
import { isJsonObject } from '../../../lib/json.ts';
import { prepareOutputSchema } from './output-schema.ts';

/** Native params go out as they are, so what the API asks for of a schema is asked for here. */
export function checkClosedSchema(given: unknown, at: string): Problem[] {
  if (!isJsonObject(given)) return [];
  const { asked, moved, problems } = prepareOutputSchema(given, at);
  if (problems.length > 0) return problems;
  const refused = moved.filter(({ isRefused }) => isRefused);
  return [
    ...(isDeepStrictEqual(asked, given)
      ? []
      : [
          {
            field: at,
            problem: 'an object in it may have any other keys, which structured output refuses',
            valid: '"additionalProperties": false on every object',
          },
        ]),
    ...refused.map(({ field, keyword }) => ({
      field,
      problem: `structured output refuses ${keyword === 'oneOf' ? 'oneOf' : `this ${keyword}`}`,
      valid:
        keyword === 'oneOf'
          ? 'anyOf'
          : 'leave it out, and say it in the description; output_schema, of a task or of retry_batch, does so by itself',
    })),
  ];
}
