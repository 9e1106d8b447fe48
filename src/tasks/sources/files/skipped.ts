import path from 'node:path';
import { count as countText } from '../../../lib/numbers.ts';

/** Why a file, or a whole folder, is left out; what to do about it stands in the text. */
const skipReasons = {
  hidden: 'hidden (a name that starts with a dot)',
  ignored: 'left out by .gitignore',
  node_modules: 'in node_modules (name a folder below it to include that)',
  link: 'reached by a symbolic link',
  key: 'secret (keys or credentials by their name or content)',
  empty: 'empty',
  office: 'in an Office format (save documents as PDF or text, sheets as CSV for rows_file)',
  image: 'in an image format that the API does not take (save them as PNG or JPEG)',
  binary: 'binary',
  encoding: 'text that is not UTF-8 (save it as UTF-8)',
  unreadable: 'not readable (access denied)',
} as const;

export type SkipReason = keyof typeof skipReasons;

/** What is left out of the work, counted by reason; a folder that is not looked into counts once. */
export type Skipped = Map<SkipReason, number>;

export function skip(skipped: Skipped, reason: SkipReason): void {
  skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
}

/** As `3 hidden (…), 2 binary`. */
export function skippedText(skipped: Skipped): string {
  return [...skipped].map(([reason, count]) => `${countText(count)} ${skipReasons[reason]}`).join(', ');
}

/** Names under which keys and credentials are kept. Those that start with a dot are left out anyway. */
const SECRET_NAME =
  /^(id_(rsa|dsa|ecdsa|ed25519)(_sk)?|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk)|(client_?)?secrets?(\.(json|ya?ml|toml|txt|env))?|(aws_?)?credentials?(\.(json|ya?ml|csv|txt))?|service[-_]?account.*\.json|.*[-_]adminsdk[-_].*\.json|[^.]*\.env|htpasswd)$/i;

const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----/;

export const isSecretName = (file: string) => SECRET_NAME.test(path.basename(file));

/** Whether a private key stands in the beginning of a text. */
export const holdsPrivateKey = (beginning: string) => PRIVATE_KEY.test(beginning);
