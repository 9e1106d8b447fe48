import { posix } from 'node:path';
import { BatchError } from '../../errors.ts';
import { cellText } from '../../lib/cell-text.ts';
import type { JsonObject } from '../../lib/json.ts';
import { hasName } from '../../lib/names.ts';
import { didYouMean, quoteName } from '../../lib/nearest.ts';
import { placesOf, valueAt } from '../../tasks/render/places.ts';
import type { WorkSource } from '../../tasks/work.ts';
import type { AnsweredRow } from '../answer.ts';

/**
 * Names that programs act on when they find them, and endings that a system runs on a click: an answer written there could
 * instruct an agent, configure a project, or be run.
 */
const INSTRUCTIONS =
  /^(agents?|claude|gemini|qwen|warp|crush|codex|skill|copilot-instructions|package|package-lock|composer|deno|jsconfig|tsconfig.*|mcp|claude_desktop_config|settings|launch|tasks|devcontainer|manifest|vercel|firebase|lerna|nx|turbo|nodemon|bower|angular|nest-cli)(\.local|\.override)?\.(md|mdc|json|jsonc|jsonl)$/;

const BUILDS = [
  /^(gnu)?makefile(\..+)?$/,
  /^(just|rake|gem|docker|container|jenkins|vagrant|proc|brew|pod|fast|danger|cap|tilt)file(\..+)?$/,
  /^(taskfile|(docker-)?compose.*|process-compose|action|pnpm-workspace|mkdocs|_config|azure-pipelines|bitbucket-pipelines)\.ya?ml$/,
  /^(cloudbuild|buildspec|appveyor|serverless|lefthook|skaffold|codemagic|kustomization|playbook|stack)\.ya?ml$/,
  /^(gulp|grunt|jake)file\.[cm]?[jt]s$/,
  /\.(config|conf)\.([cm]?[jt]s|json)$/,
  /\.setup\.[cm]?[jt]sx?$/,
  /^(setup|conftest|sitecustomize|usercustomize|noxfile|fabfile|tasks|manage|__init__|__main__)\.py$/,
  /^(setup|tox|pytest)\.(cfg|ini)$/,
  /^(pyproject|cargo|netlify|wrangler|fly|bunfig|mise)\.toml$/,
  /^(package\.swift|build\.(zig|xml|sbt|ninja)|meson\.build|setup\.hs|project\.clj|(flake|default|shell)\.nix|(build|workspace|module)\.bazel)$/,
  /\.((cs|vb|fs|vcx|wix)?proj|targets|props|gemspec|podspec|rockspec|cabal)$/,
  /^(build\.rs|build\.gradle.*|settings\.gradle.*|pom\.xml|cmakelists\.txt|requirements.*\.txt|go\.mod|mix\.exs)$/,
  /^(authorized_keys|known_hosts|crontab|sudoers|hosts|autorun\.inf|desktop\.ini)$/,
];

const RUN =
  /\.(exe|com|bat|cmd|ps1|psm1|psd1|vbs?|vbe|wsf|wsh|hta|scr|msi|msp|reg|lnk|url|webloc|desktop|command|tool|app|scpt|applescript|workflow|action|terminal|jar|dll|so|dylib|node|sh|bash|zsh|fish|csh|ksh|service|timer|socket|plist|mobileconfig|inf|cpl|chm|iso|dmg|pkg|deb|rpm|apk|appimage|pth|docm|xlsm|pptm|xll|iqy|slk|pif|jse|gadget|msc|diagcab|application|appref-ms|settingcontent-ms|library-ms|search-ms|xbap|xlam|ppam|dotm|xltm|potm|ppsm|rdp|pyw|pyz|pyc|run|ahk|inetloc|fileloc|prefpane|xpi|crx|vsix|gem|whl|egg|snap|flatpak(ref)?|tcsh|ps1xml|jnlp|mst|shb|shs|appx|msix|appinstaller)$/;

/** A name as file systems see it that ignore case and variant forms of letters: to them `ſ` is an s, and `ﬁ` two letters. */
const folded = (name: string) => name.normalize('NFKC').toLowerCase();

/** Whether a file with this name would be acted on or run. Only the last part of a path counts. */
export function isActedOn(file: string): boolean {
  const name = folded(posix.basename(file));
  return INSTRUCTIONS.test(name) || RUN.test(name) || BUILDS.some((pattern) => pattern.test(name));
}

/** Where answers get files of their own: `{{dir}}/{{stem}}.test.ts`. */
export type NamePattern = {
  given: string;
  /** The folder before the first place, in the caller's own words. */
  folder: string;
  /** The rest, with its places. */
  rest: string;
  places: string[];
};

/** What a batch was made from; undefined if its record is too old to say. */
type SourceKind = WorkSource['kind'];

/** The places that a file's path fills, and those that fill with a part of it. */
export const FILE_PLACES = ['path', 'dir', 'stem', 'ext', 'part', 'task_id'];

const PLACE = /\{\{[^{}]+\}\}/g;

/** Reads a pattern. Throws `invalid_input` for one that can't name a file for each answer, whatever the tasks are. */
export function readNamePattern(given: string, source: SourceKind | undefined): NamePattern {
  const places = placesOf(given);
  const first = given.search(PLACE);
  const start = given.lastIndexOf('/', first === -1 ? given.length : first) + 1;
  const pattern = { given, folder: given.slice(0, start), rest: given.slice(start), places };
  if (places.length === 0) throw refused('has no {{place}}, so all answers would get one name');
  if (given.endsWith('/')) throw refused('ends in a folder');
  if (given.includes('\\')) throw refused('has a \\, which no name may have: folders are separated by /');
  const ending = posix.extname(posix.basename(given));
  if (source !== 'input_files' && !/^\.[A-Za-z0-9]{1,16}$/.test(ending)) {
    throw refused('does not say which ending a name has, and no row may choose that');
  }
  // Filled with harmless values, all that is left to check is the caller's own text.
  if (isActedOn(given.replaceAll(PLACE, 'x')))
    throw refused('names files that programs act on or run', 'not_allowed');
  const named = fillName({ ...pattern, rest: pattern.rest.replaceAll(PLACE, 'x') }, {});
  if ('left' in named) throw refused(`names no file that would be written: ${named.left}`);
  return pattern;
}

function refused(problem: string, code: 'invalid_input' | 'not_allowed' = 'invalid_input'): BatchError {
  const valid = 'a path with places, as "{{dir}}/{{stem}}.test.ts" or "answers/{{id}}.md"';
  return new BatchError(code, 'output_pattern cannot name files; nothing was done.', {
    problems: [{ field: 'output_pattern', problem, valid }],
  });
}

/** Throws `invalid_input` if the batch's rows or files can't fill a place. */
export function checkPlaces({ places }: NamePattern, known: readonly string[]): void {
  const unknown = places.find((name) => !hasName(known, name) && !hasName(known, name.split('.')[0] ?? ''));
  if (unknown === undefined) return;
  throw new BatchError('invalid_input', 'output_pattern cannot name files; nothing was done.', {
    problems: [
      {
        field: 'output_pattern',
        problem: `the place ${quoteName(unknown)} names nothing that tasks have${didYouMean(unknown, known)}`,
        valid: known.slice(0, 40).join(', '),
      },
    ],
  });
}

/** The values for a pattern's places: columns of a row or parts of a file's path, the task's id, its variant. */
export function namesOf(
  { answer: { task_id }, row, variant }: AnsweredRow,
  source: SourceKind | undefined,
): JsonObject {
  const own = variant === undefined ? {} : { variant };
  return { task_id, ...columnsOf(row, source), ...own };
}

function columnsOf(row: JsonObject | null, source: SourceKind | undefined): JsonObject {
  if (row === null || source !== 'input_files' || typeof row.path !== 'string') return row ?? {};
  const { dir, name, ext } = posix.parse(row.path);
  return { ...row, dir: dir === '' ? '.' : dir, stem: name, ext: ext.slice(1) };
}

/** Why an answer gets no file. */
export type NotNamed = { left: string };

/** A file's path as the caller would write it. A stranger may have written what fills the places, so all of it is checked. */
export function fillName(pattern: NamePattern, names: JsonObject): { path: string } | NotNamed {
  let isEmpty = false;
  const rest = pattern.rest.replaceAll(PLACE, (whole) => {
    // Spaces around a value are not part of a name: tables have them after their commas.
    const text = cellText(valueAt(names, whole.slice(2, -2).trim())).trim();
    isEmpty ||= text === '';
    return text;
  });
  if (isEmpty) return { left: 'a place in the name is empty' };
  const parts = rest.split('/').filter((part, index) => part !== '.' || index > 0);
  const why = rest.startsWith('/')
    ? 'the name is an absolute path'
    : parts.map(badPart).find((found) => found);
  if (why) return { left: why };
  const path = `${pattern.folder}${parts.join('/')}`;
  if (`${pattern.folder}${rest}`.split('/').some((part) => folded(part) === 'node_modules')) {
    return { left: 'the name lies in node_modules' };
  }
  return isActedOn(path) ? { left: 'programs act on a file of that name, or run it' } : { path };
}

const LONGEST_PART_BYTES = 200;
/** Control characters, characters that reverse the direction of text or join letters, line ends and blank letters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]|\u034f|\u17b4|\u17b5/u;
const DEVICE = /^(con|conin\$|conout\$|prn|aux|nul|(com|lpt)[\d¹²³]) *(\..*)?$/i;
/** The short names of Windows count too: `GIT~1` can be `.git`. */
const NOT_ON_WINDOWS = /[<>:"|?*]|~\d/;
/** Whether Windows takes a name for that of a device, whatever its ending: what is written there is lost. */
export const isDevice = (name: string): boolean => DEVICE.test(name);

/** A name that a program takes for an option if it is given all files of a folder. */
const OPTION = /^-{1,2}[a-z]/i;

/** What is wrong with a part of a path; undefined if nothing is. */
function badPart(part: string): string | undefined {
  if (part === '') return 'a part of the name is empty';
  if (part === '..') return 'the name leads out with ..';
  if (part.startsWith('.')) return 'the name is hidden (it starts with a dot)';
  if (part.includes('\\')) return 'the name has a \\';
  if (UNSEEN.test(part) || !part.isWellFormed()) return 'the name has invisible characters';
  if (/[. ]$/.test(part) || part.startsWith(' '))
    return 'the name begins or ends with a space, or ends with a dot';
  if (OPTION.test(part)) return 'the name reads as an option (it starts with a dash)';
  if (isDevice(part)) return 'the name is that of a device';
  if (process.platform === 'win32' && NOT_ON_WINDOWS.test(part))
    return 'the name has a character that Windows does not take';
  if (Buffer.byteLength(part) > LONGEST_PART_BYTES)
    return `the name is longer than ${LONGEST_PART_BYTES} bytes`;
  return undefined;
}

/**
 * Names that are taken, each by one answer. Names that differ only in case or letter forms count as one, as on most systems. For
 * files that exist, the system that holds them decides.
 */
export function createNames(source: SourceKind | undefined) {
  const given = new Set<string>();
  const seen = new Set<string>();
  return {
    /** Takes a name, or returns why it is not to be had. */
    take(path: string): string | null {
      const plain = source === 'input_files' ? path : folded(path);
      const why = given.has(path)
        ? 'another answer has the same name'
        : seen.has(plain)
          ? 'the name of another answer differs only in upper and lower case, or in how its letters are encoded'
          : null;
      given.add(path);
      seen.add(plain);
      return why;
    },
  };
}
