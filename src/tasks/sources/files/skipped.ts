import path from 'node:path';
import { count as countText } from '../../../lib/numbers.ts';

/** Why a file, or a whole folder, is left out, and what to do about it. */
const skipReasons = {
  hidden: 'hidden (a name that starts with a dot)',
  named_hidden: 'hidden, though named (copy them to a path in which no name starts with a dot)',
  ignored: 'left out by .gitignore',
  node_modules: 'in node_modules (name a folder below it to include that)',
  link: 'reached by a symbolic link',
  key: 'secret (keys or credentials by their name or content)',
  empty: 'empty',
  office: 'in an Office format (save documents as PDF or text, sheets as CSV for rows_file)',
  image: 'in an image format that the API does not take (save them as PNG or JPEG)',
  locked: 'a PDF with a password (save it without one)',
  cut: 'cut off before the end (copy or download them again)',
  pointer: 'kept in Git LFS and not fetched (git lfs pull)',
  special: 'a pipe, socket or device',
  binary: 'binary',
  encoding: 'text that is not UTF-8 (save it as UTF-8)',
  unreadable: 'not readable (access denied, or not a regular file)',
  unmatched: 'without a file (check the spelling)',
  not_there: 'named with ! and not among the others (check the spelling)',
} as const;

export type SkipReason = keyof typeof skipReasons;

/** What is left out of the work by reason, counted, the first ones by name; a folder that is not entered counts once. */
export type Skipped = Map<SkipReason, { count: number; names: string[] }>;

/** What could be read if something were done about it: the rest is left out by its place or name, or is not text. */
export const UNUSABLE: readonly SkipReason[] = [
  'named_hidden',
  'office',
  'image',
  'locked',
  'cut',
  'pointer',
  'encoding',
  'unreadable',
  'unmatched',
  'not_there',
];

/** What is in a folder but not meant by whoever names the folder. */
export const NOT_MEANT: readonly SkipReason[] = ['hidden', 'ignored', 'node_modules', 'not_there'];

/** For each reason: enough to find the others. */
const MOST_NAMED = 3;
const LONGEST_NAME = 60;

export function skip(skipped: Skipped, reason: SkipReason, name: string): void {
  add(skipped, reason, { count: 1, names: [name] });
}

/** Adds what was left out elsewhere, as on another thread. */
export function addSkipped(skipped: Skipped, more: Skipped): void {
  for (const [reason, left] of more) add(skipped, reason, left);
}

function add(skipped: Skipped, reason: SkipReason, { count, names }: { count: number; names: string[] }) {
  const known = skipped.get(reason) ?? { count: 0, names: [] };
  const named = [...known.names, ...names].slice(0, MOST_NAMED);
  skipped.set(reason, { count: known.count + count, names: named });
}

/** As `3 hidden (…): ".a", ".b", ".c"; 1 binary: "d.bin"`; only for the reasons that `says` takes. */
export function skippedText(skipped: Skipped, says: (reason: SkipReason) => boolean = () => true): string {
  return [...skipped]
    .filter(([reason]) => says(reason))
    .map(([reason, { count, names }]) => {
      const more = count > names.length ? ', …' : '';
      return `${countText(count)} ${skipReasons[reason]}: ${names.map(quoted).join(', ')}${more}`;
    })
    .join('; ');
}

/** The end of a path says more than its beginning. */
const quoted = (name: string) =>
  JSON.stringify(name.length > LONGEST_NAME ? `…${name.slice(-LONGEST_NAME).toWellFormed()}` : name);

/**
 * Names under which keys and credentials are kept, and what copies of them are called. Those that start with a dot are left out
 * anyway.
 */
const SECRET_NAMES = [
  /^id_(rsa|dsa|ecdsa|ed25519)(_sk)?([ ._-](?!pub$).*)?$/i,
  /\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|tfstate)([ ._-](bak|backup|old|orig|copy|txt))?$/i,
  /^(client_?)?secrets?(([._-].*)?\.(json|ya?ml|toml|env)|\.txt)?$/i,
  /^((aws|gcp|application_default|google|azure)[._-]?)?credentials?(([._-].*)?\.(json|ya?ml|ini|db)|\.(csv|txt))?$/i,
  /^service[-_]?account.*\.json$|[-_]adminsdk[-_].*\.json$/i,
  /^[^.]*\.env([._-](local|prod|production|dev|development|staging|stage|test|bak|backup|old|orig))*$/i,
  /^(htpasswd|wallet\.dat|_netrc|netrc)$/i,
];

const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----/;

export function isSecretName(file: string): boolean {
  const name = path.basename(file);
  return SECRET_NAMES.some((secret) => secret.test(name));
}

/** Whether a text begins with a private key. */
export const holdsPrivateKey = (beginning: string) => PRIVATE_KEY.test(beginning);
