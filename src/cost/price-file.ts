import * as z from 'zod';
import { BatchError, type Problem } from '../errors.ts';
import { readRegularFile } from '../lib/files/regular-file.ts';
import { repeatsKey } from '../lib/json-source.ts';
import { didYouMean, quoteName } from '../lib/nearest.ts';
import { type Model, type ModelTable, model } from '../provider/models.ts';

/** A row needs its id and prices; anything it leaves out comes from the built-in row with that id. */
const priceRow = model.partial().required({ id: true, prices: true });
const priceFile = z.strictObject({ models: z.array(priceRow).min(1) });
type PriceRow = z.infer<typeof priceRow>;

const FORMAT =
  '{"models": [{"id": "…", "context_tokens": 200000, "max_output_tokens": 64000, "prices": {"input": 3, "output": 15, ' +
  '"cache_write_5m": 3.75, "cache_write_1h": 6, "cache_read": 0.3}}]}, in US dollars per million tokens at the standard price';

function placeOf(path: readonly PropertyKey[]): string {
  const [list, index, ...field] = path;
  if (list !== 'models' || index === undefined) return path.join('.');
  return [`models[${String(index)}]`, ...field.map(String)].join('.');
}

function problemsOf(error: z.ZodError): Problem[] {
  return error.issues.flatMap((issue) => {
    const place = placeOf(issue.path);
    const where = place === '' ? {} : { field: place };
    if (issue.code !== 'unrecognized_keys') return [{ ...where, problem: issue.message }];
    const known = issue.path.length === 0 ? ['models'] : Object.keys(model.shape);
    return issue.keys.map((key) => ({
      ...where,
      problem: `unknown key ${quoteName(key)}${didYouMean(key, known)}`,
    }));
  });
}

function toModel(row: PriceRow, index: number, table: ModelTable, source: string): Model | Problem {
  const known = table.rows.find(({ id, aliases }) => id === row.id || aliases.includes(row.id));
  // New prices under a dated id are for that id alone.
  const base = known?.id === row.id ? known : known && { ...known, aliases: [] };
  const long_prompt = null; // the table's higher band is no part of the owner's own prices
  const full = model.safeParse({ ...table.unknown, ...base, long_prompt, source, ...row });
  if (full.success) return full.data;
  return {
    field: `models[${index}]`,
    problem: 'the built-in table does not have this model, so its row must hold its limits too',
    valid: 'context_tokens and max_output_tokens as whole numbers above 0',
  };
}

const twice = (earlier: number, index: number): Problem => ({
  field: `models[${index}].id`,
  problem: `models[${earlier}] has the same id, and which of the two prices counts is unclear`,
  valid: 'one row for each id',
});

/**
 * Reads the owner's prices (`BATCH_MCP_PRICES`), ready to extend the catalog. Throws `not_found` where the
 * file can't be read, and `invalid_input` with a problem for each place that is wrong.
 */
export async function readPriceFile(path: string, table: ModelTable): Promise<Model[]> {
  const refused = (problems: Problem[], cause?: unknown) =>
    new BatchError(
      'invalid_input',
      `The price file ${path} (BATCH_MCP_PRICES) can't be used. Valid: ${FORMAT}.`,
      {
        problems,
        cause,
      },
    );

  let text: string;
  try {
    text = (await readRegularFile(path)).replace(/^\uFEFF/, '');
  } catch (cause) {
    const message = `The price file ${path} (BATCH_MCP_PRICES) can't be read. Name a readable JSON file, or unset it.`;
    throw new BatchError('not_found', message, { cause });
  }

  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the file, so it is not kept as the cause either.
    throw refused([{ problem: 'it is not JSON' }]);
  }

  if (repeatsKey(text, json))
    throw refused([{ problem: 'an object in it has a key twice, and which of the two counts is unclear' }]);
  const parsed = priceFile.safeParse(json);
  if (!parsed.success) throw refused(problemsOf(parsed.error));

  const models: Model[] = [];
  const problems: Problem[] = [];
  for (const [index, row] of parsed.data.models.entries()) {
    const result = toModel(row, index, table, 'the price file in BATCH_MCP_PRICES');
    const names = [row.id, ...(row.aliases ?? [])];
    const earlier = parsed.data.models
      .slice(0, index)
      .findIndex(({ id, aliases = [] }) => [id, ...aliases].some((name) => names.includes(name)));
    if (earlier >= 0) problems.push(twice(earlier, index));
    else if ('problem' in result) problems.push(result);
    else models.push(result);
  }
  if (problems.length > 0) throw refused(problems);
  return models;
}
