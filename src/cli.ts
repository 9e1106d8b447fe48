#!/usr/bin/env node
import { startServer } from './mcp/start-server.ts';

const args = process.argv.slice(2);
const isPerson = args.length === 0 && process.stdin.isTTY;
await startServer(isPerson ? ['--help'] : args);
