import { posix } from 'node:path';

/**
 * Names that programs act on when they find them, and endings that a system runs at a click: an answer written there could
 * instruct an agent, set up a project, or be run.
 */
const INSTRUCTIONS =
  /^(agents|claude|gemini|skill|copilot-instructions|package|package-lock|composer|deno|jsconfig|tsconfig.*|mcp|claude_desktop_config|settings|launch|tasks|devcontainer|manifest)(\.local|\.override)?\.(md|mdc|json|jsonc|jsonl)$/;

const BUILDS = [
  /^(gnu)?makefile(\..+)?$/,
  /^(just|rake|gem|docker|container|jenkins|vagrant|proc|brew|pod|fast|danger|cap|tilt)file(\..+)?$/,
  /^(taskfile|(docker-)?compose.*|action|pnpm-workspace|mkdocs|_config)\.ya?ml$/,
  /^(gulp|grunt|jake)file\.[cm]?[jt]s$/,
  /\.config\.[cm]?[jt]s$/,
  /^(setup|conftest|sitecustomize|usercustomize|noxfile|fabfile|tasks|manage|__init__|__main__)\.py$/,
  /^(setup|tox|pytest)\.(cfg|ini)$/,
  /^(pyproject|cargo|netlify|wrangler|fly)\.toml$/,
  /^(build\.rs|build\.gradle.*|settings\.gradle.*|pom\.xml|cmakelists\.txt|requirements.*\.txt|go\.mod|mix\.exs)$/,
  /^(authorized_keys|known_hosts|crontab|sudoers|hosts|autorun\.inf|desktop\.ini)$/,
];

const RUN =
  /\.(exe|com|bat|cmd|ps1|psm1|psd1|vbs?|vbe|wsf|wsh|hta|scr|msi|msp|reg|lnk|url|webloc|desktop|command|tool|app|scpt|applescript|workflow|action|terminal|jar|dll|so|dylib|node|sh|bash|zsh|fish|csh|ksh|service|timer|socket|plist|mobileconfig|inf|cpl|chm|iso|dmg|pkg|deb|rpm|apk|appimage|pth|docm|xlsm|pptm|xll|iqy|slk)$/;

/** Whether a file of that name would be acted on, or run. Only the last part of a path counts. */
export function isActedOn(file: string): boolean {
  const name = posix.basename(file).toLowerCase();
  return INSTRUCTIONS.test(name) || RUN.test(name) || BUILDS.some((pattern) => pattern.test(name));
}
