#!/usr/bin/env node
import { startServer } from './mcp/start-server.ts';
import { version } from './version.ts';

const HELP = `batch-mcp ${version}
Half-price bulk work on Anthropic's Message Batches API, for AI agents over MCP.

  batch-mcp [flags]     runs the MCP server on stdin and stdout; an MCP client starts it
  batch-mcp --help      this text
  batch-mcp --version   the version

Flags, each with an environment variable in its place:
  --sandbox                 try everything with made-up answers, free (BATCH_MCP_PROVIDER=sandbox)
  --provider NAME           anthropic or sandbox (BATCH_MCP_PROVIDER)
  --data-dir FOLDER         where batches and results are kept (BATCH_MCP_DATA_DIR)
  --work-dir FOLDER         a visible folder that is always allowed (BATCH_MCP_WORK_DIR)
  --allow-dir FOLDER …      folders that may be read and written (BATCH_MCP_ALLOWED_DIRS)
  --max-cost-usd DOLLARS    ceiling for one submission (BATCH_MCP_MAX_COST_USD, default 25)
  --daily-budget-usd DOLLARS  ceiling for a UTC day (BATCH_MCP_DAILY_BUDGET_USD, default 100)
  --read-only               only look: no submitting, no canceling, no files (BATCH_MCP_READ_ONLY)
  --log-level LEVEL         debug, info, warn or error, to stderr (BATCH_MCP_LOG_LEVEL)

Set ANTHROPIC_API_KEY for real batches. Set-up for each client: see the README.
`;

const args = process.argv.slice(2);
if (args.includes('--version')) process.stdout.write(`${version}\n`);
else if (args.includes('--help') || args.includes('-h') || (args.length === 0 && process.stdin.isTTY)) {
  process.stdout.write(HELP);
} else await startServer(args);
