import { batchShare } from '../provider/dialects.ts';
import { defaultOf, flagsOf, type Setting } from './define-setting.ts';
import { allSettings } from './settings.ts';

/** `--allow-dir <folder...>`, in the usual notation of command lines. */
function usage({ flag, type, list }: Setting): string {
  const value = type.name === null ? '' : ` <${type.name}${list ? '...' : ''}>`;
  return `--${flag}${value}`;
}

function entry(setting: Setting): string {
  const fallback = defaultOf(setting);
  const origin = `${setting.variable}${fallback === '' ? '' : `, default: ${fallback}`}`;
  if (setting.flag === undefined) return `  ${origin}\n      ${setting.help}`;
  const { shorthand } = setting;
  const short = shorthand === undefined ? '' : `\n  --${shorthand.flag}\n      ${shorthand.help}`;
  return `  ${usage(setting)}\n      ${setting.help}\n      ${origin}${short}`;
}

/** What `--help` prints. */
export function helpText(version: string): string {
  const [withFlag, without] = [
    allSettings.filter((setting) => flagsOf(setting).length > 0),
    allSettings.filter((setting) => flagsOf(setting).length === 0),
  ];
  return `batch-mcp ${version}
Bulk work at ${batchShare} the price on Anthropic's Message Batches API, for AI agents over MCP.

Usage:
  batch-mcp [flags]     runs the MCP server on stdin and stdout; an MCP client starts it
  batch-mcp --help      prints this text
  batch-mcp --version   prints the version

Flags, each with the variable that it stands in for:
${withFlag.map(entry).join('\n')}

Variables without a flag:
${without.map(entry).join('\n')}

Set ANTHROPIC_API_KEY for real batches. The README tells how to set up each client.
`;
}
