import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Problem } from '../errors.ts';
import { systemErrorCode } from '../lib/files/file-failure.ts';

type Variables = Readonly<Record<string, string>>;
type Section = ReadonlyMap<string, string>;

/**
 * Which field of a profile stands for which variable (AWS SDKs and Tools Reference Guide, "Shared config and credentials
 * files").
 */
const READ = new Map([
  ['aws_access_key_id', 'AWS_ACCESS_KEY_ID'],
  ['aws_secret_access_key', 'AWS_SECRET_ACCESS_KEY'],
  ['aws_session_token', 'AWS_SESSION_TOKEN'],
  ['region', 'AWS_REGION'],
]);

/** Fields by which a profile obtains a key when it holds none. */
const ELSEWHERE =
  /^(?:sso_|role_arn$|credential_process$|source_profile$|web_identity_token_file$|login_session$)/;

/**
 * A bucket's variables, completed from the files of AWS's own programs: the profile's key, if the variables hold none, and
 * its region. `refuse` receives a named profile that has no key here.
 */
export function withProfile(
  set: Variables,
  home: string | null,
  refuse: (problem: Problem) => string,
): Variables {
  if (set.AWS_ACCESS_KEY_ID !== undefined || set.AWS_SECRET_ACCESS_KEY !== undefined) return set;
  const name = set.AWS_PROFILE ?? 'default';
  const inHome = (file: string) => (home === null ? undefined : path.join(home, '.aws', file));
  const files = [
    set.AWS_CONFIG_FILE ?? inHome('config'),
    set.AWS_SHARED_CREDENTIALS_FILE ?? inHome('credentials'),
  ];
  const fields = new Map<string, string>();
  for (const file of files) {
    for (const [field, value] of sectionOf(readIfThere(file, refuse), name)) fields.set(field, value);
  }
  const found: Record<string, string> = {};
  for (const [field, variable] of READ) {
    const value = fields.get(field);
    if (value !== undefined) found[variable] = value;
  }
  if (set.AWS_PROFILE !== undefined && found.AWS_ACCESS_KEY_ID === undefined) {
    const isElsewhere = [...fields.keys()].some((field) => ELSEWHERE.test(field));
    const why = isElsewhere
      ? 'whose key comes from elsewhere: roles, SSO and processes are not read'
      : 'which has no key';
    refuse({
      item: 'AWS_PROFILE',
      problem: `names a profile ${why}`,
      valid:
        'a profile with aws_access_key_id and aws_secret_access_key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY themselves',
    });
  }
  return { ...found, ...set };
}

function readIfThere(file: string | undefined, refuse: (problem: Problem) => string): string {
  if (file === undefined) return '';
  const valid = "one of the AWS CLI's own files";
  try {
    // Reading a pipe could block for ever.
    if (statSync(file).isFile()) return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
    refuse({ item: file, problem: 'is not a regular file', valid });
    return '';
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      refuse({ item: file, problem: `cannot be read (${code})`, valid });
    }
    return '';
  }
}

/** The fields of one profile, `[name]` or `[profile name]`; indented sub-fields are not read. */
function sectionOf(text: string, name: string): Section {
  const fields = new Map<string, string>();
  let isIn = false;
  for (const line of text.split(/\r?\n/)) {
    const head = /^\[\s*(?:profile\s+)?(?<quote>["']?)(?<name>[^\]]*?)\k<quote>\s*\]/.exec(line)?.groups
      ?.name;
    if (head !== undefined) isIn = head === name;
    const field = /^(?<field>[\w-]+)\s*=\s*(?<value>.*?)(?:\s[#;].*)?\s*$/.exec(line)?.groups;
    if (isIn && field?.value) fields.set(String(field.field).toLowerCase(), field.value);
  }
  return fields;
}
