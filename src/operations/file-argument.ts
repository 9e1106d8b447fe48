import * as z from 'zod';

/** How a file that an argument names is used: read, or written; a `pattern` names many that are written. */
export type FileUse = 'read' | 'write' | 'pattern';

/** Marks arguments that name files. Schemas derived from a marked one (described, optional) keep the mark. */
const marks = z.registry<{ use: FileUse }>();

const marked = (use: FileUse) => z.string().min(1).register(marks, { use });

/** The name of a file to read, or a pattern of such names. */
export const fileArgument = marked('read');
/** The name of a file to write. */
export const outputArgument = marked('write');
/** A pattern for the names of files to write. */
export const outputPatternArgument = marked('pattern');

/** A file named by an argument, exactly as the caller wrote it. */
export type NamedFile = { field: string; name: string; use: FileUse };

/** The files that arguments name, according to the operation's schema; arguments of the wrong shape name none. */
export function filesNamed(schema: z.ZodObject, args: unknown): NamedFile[] {
  const found: NamedFile[] = [];
  mapFiles(schema, args, (file) => {
    found.push(file);
    return file.name;
  });
  return found;
}

/** The arguments with the names of their files replaced. */
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
    // A single text stands for a list of one.
    if (!Array.isArray(given)) return mapIn(schema.element, given, rename);
    return given.map((each) => mapIn(schema.element, each, rename));
  }
  return schema instanceof z.ZodObject
    ? mapFiles(schema, given, ({ name, use }) => rename(name, use))
    : given;
}
