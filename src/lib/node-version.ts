/**
 * What the programs check before they load anything else. Written so that every Node that knows modules can read it:
 * no `?.`, nothing that an old one does not have.
 */

const [LEAST_MAJOR, LEAST_MINOR] = [20, 19];

/**
 * Whether this Node is new enough. Where it is not, that is said on stderr, for people whose MCP client picked an old
 * one, and the exit code is 1.
 */
export function isNodeNewEnough(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > LEAST_MAJOR || (major === LEAST_MAJOR && minor >= LEAST_MINOR)) return true;
  process.stderr.write(
    `batch-mcp needs Node ${LEAST_MAJOR}.${LEAST_MINOR} or later, and this is Node ${process.versions.node} ` +
      `(${process.execPath}). Install a newer one, and give its path as the command in the MCP client's configuration.\n`,
  );
  process.exitCode = 1;
  return false;
}
