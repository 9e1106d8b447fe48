/**
 * Stands between a client and the server, passes everything on, and keeps each message in a file, as `{from, message}` a line:
 * `node wire.js <file> <command> [argument…]`. A text that says the same as the structured content gets a line feed at its end, so
 * that it can be told which of the two a client shows.
 */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [file, command, ...args] = process.argv.slice(2);
const server = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });

function keep(from, stream, onward) {
  createInterface({ input: stream }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.result?.structuredContent !== undefined) message.result.content[0].text += '\n';
    appendFileSync(file, `${JSON.stringify({ from, message })}\n`);
    onward.write(`${JSON.stringify(message)}\n`);
  });
}
keep('client', process.stdin, server.stdin);
keep('server', server.stdout, process.stdout);
process.stdin.on('end', () => server.stdin.end());
server.stdin.on('error', () => {});
process.stdout.on('error', () => {});
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill(signal));
server.on('exit', (code, signal) => process.exit(signal === null ? code : 1));
