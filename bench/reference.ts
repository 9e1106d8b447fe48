/**
 * What the product is measured against, each in a process of its own: `create FILE URL` reads requests and sends
 * them as the SDK does it; `fetch URL FILE` pipes a download to a file, through to the disk. Prints milliseconds and
 * peak megabytes.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Anthropic from '@anthropic-ai/sdk';
import { peakMegabytes } from './memory.ts';

const [what, from = '', to = ''] = process.argv.slice(2);
const start = performance.now();
if (what === 'create') {
  const requests: Anthropic.Messages.BatchCreateParams['requests'] = [];
  for await (const line of createInterface({ input: createReadStream(from) }))
    requests.push(JSON.parse(line));
  const client = new Anthropic({ apiKey: 'sk-ant-bench', baseURL: to, maxRetries: 0 });
  await client.messages.batches.create({ requests });
} else {
  const response = await fetch(from);
  if (!response.body) throw new Error('nothing came');
  await pipeline(Readable.fromWeb(response.body), createWriteStream(to, { flush: true }));
}
const ms = performance.now() - start;
process.stdout.write(JSON.stringify({ ms, megabytes: peakMegabytes('self') }));
