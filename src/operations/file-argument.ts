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
  const found: NamedFile[] = [];
  mapFiles(schema, args, (file) => {
    found.push(file);
    return file.name;
  });
  return found;
}

/** The arguments, with other names for the files in them. */
export function mapFiles(schema: z.ZodObject, args: unknown, rename: (file: NamedFile) => string): unknown {
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return args;
  const fields = new Map(Object.entries(schema.shape));
  return Object.fromEntries(
    Object.entries(args).map(([field, given]) => [
      field,
      mapIn(fields.get(field), given, (name, use) => rename({ field, name, use })),
    ]),
  );
}

type Rename = (name: string, use: FileUse) => string;

function mapIn(schema: unknown, given: unknown, rename: Rename): unknown {
  if (given === undefined || given === null) return given;
  if (schema instanceof z.ZodString) {
    const use = marks.get(schema)?.use;
    return use !== undefined && typeof given === 'string' ? rename(given, use) : given;
  }
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    return mapIn(schema.unwrap(), given, rename);
  }
  if (schema instanceof z.ZodPipe) return mapIn(schema.out, mapIn(schema.in, given, rename), rename);
  if (schema instanceof z.ZodUnion) {
    return schema.options.reduce((value: unknown, option) => mapIn(option, value, rename), given);
  }
  if (schema instanceof z.ZodArray) {
    // A text alone is meant as a list of one.
    if (!Array.isArray(given)) return mapIn(schema.element, given, rename);
    return given.map((each) => mapIn(schema.element, each, rename));
  }
  return schema instanceof z.ZodObject
    ? mapFiles(schema, given, ({ name, use }) => rename(name, use))
    : given;
}
