import { writeSync } from 'node:fs';
import { inspect } from 'node:util';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Writes one line to the log. Messages hold no key and no content of a user's. */
export type Log = (level: LogLevel, message: string) => void;

type LogOptions = {
  level: LogLevel;
  write: (line: string) => void;
  /** What must never be shown, whatever a message holds. */
  secrets: readonly string[];
};

/** A shorter one would match unrelated text. */
const SHORTEST_SECRET = 12;

/** Whatever looks like a key of the API's, and the user name and password in an address. */
const TOKEN = /sk-ant-[\w-]+/g;
const IN_ADDRESS = /(?<=\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#"']+@/gi;

/**
 * Replaces secrets by `[key]` in texts that may quote one: errors, logs and quotes, never ids or answers. A secret is
 * matched as a whole word of at least 12 characters, plain or as JSON, HTML or a URL writes it; in base64 anywhere.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const plain = text.replace(TOKEN, '[key]').replace(IN_ADDRESS, '[key]@');
  const long = secrets.map((secret) => secret.trim()).filter((secret) => secret.length >= SHORTEST_SECRET);
  return [...formsOf(long).map(wordOf), ...long.flatMap(inBase64)].reduce(
    (clean, pattern) => clean.replace(pattern, '[key]'),
    plain,
  );
}

/** HTML's named entities. */
const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** The longest first: one may be part of another. */
function formsOf(secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => [
    secret,
    inJson(secret),
    secret.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`),
    secret.replace(/[&<>"]/g, (sign) => NAMED[sign] ?? sign),
    // As PHP and Python write JSON.
    inJson(secret).replaceAll('/', '\\/'),
    inJson(secret).replace(
      /[\u0080-\uffff]/g,
      (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
    ...inAddress(secret),
  ]);
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

const inJson = (secret: string) => JSON.stringify(secret).slice(1, -1);

/** Programs differ in which signs they encode in an address, and in the case of the digits. */
function inAddress(secret: string): string[] {
  const usual = encodeURIComponent(secret.toWellFormed());
  const all = usual.replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const forms = [usual, all].flatMap((form) => [
    form,
    form.replaceAll('%20', '+'),
    form.replaceAll('%2F', '/'),
  ]);
  return forms.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]);
}

/**
 * Matches a secret in base64 wherever it begins among other bytes, as after the name in Basic authentication: by the
 * characters that encode nothing but the secret, in either alphabet, and whatever follows. Three bytes are four
 * characters.
 */
const inBase64 = (secret: string) =>
  ['...', '..', '.'].map((before) => {
    const inner = Buffer.from(before + secret)
      .toString('base64')
      .slice(4, -4);
    return new RegExp(`${inner.replace(/[+/]/g, '[+/_-]')}[\\w+/=-]*`, 'g');
  });

/** What may stand before a word: no word character, unless it is the last of an escape, as in `%20` and `\\n`. */
const BEFORE_WORD = '(?<=^|\\W|%[0-9A-Fa-f]{2}|\\\\(?:[bfnrt]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}))';

/**
 * Matches a form as a whole word. Where it begins or ends with something other than a word character, anything may
 * adjoin.
 */
function wordOf(form: string): RegExp {
  const before = /^\w/.test(form) ? BEFORE_WORD : '';
  const after = /\w$/.test(form) ? '(?!\\w)' : '';
  return new RegExp(before + form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&') + after, 'g');
}

export function createLog({ level, write, secrets }: LogOptions): Log {
  const threshold = logLevels.indexOf(level);
  return (messageLevel, message) => {
    if (logLevels.indexOf(messageLevel) < threshold) return;
    write(`${new Date().toISOString()} ${messageLevel} ${redact(message, secrets)}\n`);
  };
}

/**
 * Prints an uncaught error without the secrets that it may quote, and ends the process. Returns a function that adds
 * the secrets that are only known once the settings are read.
 */
export function tellCrashes(secrets: readonly string[]): (more: readonly string[]) => void {
  const known = [...secrets];
  process.on('uncaughtException', (error) => {
    writeSync(process.stderr.fd, `${redact(inspect(error), known)}\n`);
    process.exit(1);
  });
  return (more) => void known.push(...more);
}
