import * as z from 'zod';

/** What becomes of a file that an argument names: it is read, or made; `pattern` names many that are made. */
export type FileUse = 'read' | 'write' | 'pattern';

/** Marks arguments that name files. What is made of a schema (a described field, one without a key) keeps the mark. */
const marks = z.registry<{ use: FileUse }>();

const marked = (use: FileUse) => z.string().min(1).register(marks, { use });

/** The name of a file, or a pattern of names, of what is read. */
export const fileArgument = marked('read');
/** The name of a file that is made. */
export const outputArgument = marked('write');
/** A pattern of the names of files that are made. */
export const outputPatternArgument = marked('pattern');

/** A file that an argument names, as it was given. */
export type NamedFile = { field: string; name: string; use: FileUse };

/** The files that arguments name, by the operation's own schema; what has another form names none. */
export function filesNamed(schema: z.ZodObject, args: unknown): NamedFile[] {
  const fields = new Map(Object.entries(typeof args === 'object' && args !== null ? args : {}));
  return Object.entries(schema.shape).flatMap(([field, each]) =>
    namesIn(each, fields.get(field)).map((named) => ({ field, ...named })),
  );
}

function namesIn(schema: unknown, given: unknown): Omit<NamedFile, 'field'>[] {
  if (given === undefined || given === null) return [];
  if (schema instanceof z.ZodString) {
    const use = marks.get(schema)?.use;
    return use !== undefined && typeof given === 'string' ? [{ name: given, use }] : [];
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return namesIn(schema.unwrap(), given);
  }
  if (schema instanceof z.ZodPipe) return [...namesIn(schema.in, given), ...namesIn(schema.out, given)];
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((option) => namesIn(option, given));
  if (schema instanceof z.ZodArray) return [given].flat().flatMap((each) => namesIn(schema.element, each));
  return schema instanceof z.ZodObject ? filesNamed(schema, given) : [];
}
