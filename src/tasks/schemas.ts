import { hash } from 'node:crypto';
import type { Problem } from '../errors.ts';
import { breather } from '../lib/breathing.ts';
import { stringifyExact } from '../lib/exact-json.ts';
import { findHalfCharacters } from '../lib/half-characters.ts';
import { isJsonObject, type JsonObject } from '../lib/json.ts';
import { loadSchemaCompiler, type SchemaCompiler } from '../lib/schema/json-schema.ts';
import type { PlacedProblem, PlacedSchema } from './block.ts';

/** Hashes schemas, which may be many objects but mostly have the same text. */
export type SchemaHashes = { of(schema: JsonObject): { hash: string; schema: string } };

/** Beyond this many different schemas some are hashed again. */
const HASHES_KEPT = 1_000;

export function createSchemaHashes(): SchemaHashes {
  const ofObjects = new WeakMap<JsonObject, { hash: string; schema: string }>();
  const ofTexts = new Map<string, { hash: string; schema: string }>();
  return {
    of(schema) {
      const known = ofObjects.get(schema);
      if (known !== undefined) return known;
      const text = stringifyExact(schema);
      const found = ofTexts.get(text) ?? { hash: hash('sha256', text).slice(0, 16), schema: text };
      if (ofTexts.size >= HASHES_KEPT) ofTexts.clear();
      ofTexts.set(text, found);
      ofObjects.set(schema, found);
      return found;
    },
  };
}

/** Checks each schema once, as soon as it comes. */
type SchemaList = {
  /** The problems of those that are new. */
  check(schemas: ReadonlyMap<string, PlacedSchema>): Promise<PlacedProblem[]>;
};

/** Makes a list that finds schemas which no answer could be checked against. */
export function createSchemaList(): SchemaList {
  const seen = new Set<string>();
  return {
    async check(schemas) {
      const fresh = [...schemas].filter(([hash]) => !seen.has(hash));
      if (fresh.length === 0) return [];
      const compile = await loadSchemaCompiler();
      const problems: PlacedProblem[] = [];
      const breathe = breather();
      for (const [hash, placed] of fresh) {
        seen.add(hash);
        const problem = problemOf(placed, compile);
        if (problem !== null) problems.push({ number: placed.number, problem });
        await breathe();
      }
      return problems;
    },
  };
}

function problemOf({ schema, item, field }: PlacedSchema, compile: SchemaCompiler): Problem | null {
  const parsed: unknown = JSON.parse(schema);
  // Lone surrogates are reported where texts are checked, and can't be compiled.
  if (findHalfCharacters(parsed).length > 0) return null;
  const made = compile(isJsonObject(parsed) ? parsed : {});
  if ('check' in made) return null;
  return { ...(item !== null && { item }), field, problem: made.problem, valid: made.valid };
}
