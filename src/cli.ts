#!/usr/bin/env node
import { prepareNode, sayNotLoaded } from './lib/prepare-node.ts';

const args = process.argv.slice(2);
const [first] = args;
const asksForHelp = first === '--help' || first === '-h' || first === '--version' || first === '-v';
const isServer =
  first === undefined ? !process.stdin.isTTY : first === 'serve' || (first.startsWith('-') && !asksForHelp);

// Imported only after the check: an old Node could not even parse it. And the server does not load the commands'
// code.
if (prepareNode(import.meta.url)) {
  if (isServer) {
    void import('./mcp/start-server.ts').then(
      ({ startServer }) => startServer(first === 'serve' ? args.slice(1) : args),
      sayNotLoaded,
    );
  } else {
    void import('./cli/run-cli.ts').then(
      ({ runCli }) => runCli(first === undefined ? ['--help'] : args),
      sayNotLoaded,
    );
  }
}
