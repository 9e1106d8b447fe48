/** Names what the bundles hold of other packages, each with its version and its licence. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

const HEAD = `batch-mcp has no dependencies to install: what it uses of other packages is in its files. These are they, each with the
version that was bundled, and its licence.
`;

/** The text of the notice for the source files that went into the bundles. */
export async function noticeOf(sourceFiles) {
  const folders = [...new Set(sourceFiles.flatMap((file) => packageFolder(file) ?? []))];
  const packages = await Promise.all(folders.map(readPackage));
  const sections = packages
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(
      ({ name, version, license, text }) =>
        `${'='.repeat(80)}\n${name} ${version} (${license})\n\n${text.trim()}\n`,
    );
  return [HEAD, ...sections].join('\n');
}

/** The folder of the package that a file belongs to; undefined for our own. */
function packageFolder(file) {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

async function readPackage(folder) {
  const { name, version, license } = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  const text =
    file === undefined ? `The package holds no text of it.` : await readFile(path.join(folder, file), 'utf8');
  return { name, version, license, text };
}
