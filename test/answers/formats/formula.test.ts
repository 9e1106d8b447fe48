import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { endedBatch } from '../../api.ts';
import { succeeded } from '../../api-server.ts';
import { parseCsv } from '../../csv.ts';

/** A spreadsheet at most reads a number, an amount, a date or a time. */
const harmless = [
  '-5 EUR',
  '-5EUR',
  '- 5 EUR',
  '-1.234,50 EUR',
  "-1'000.00 CHF",
  '-EUR 5.00',
  '-€ 5',
  '- $1,000.00',
  '+3 %',
  '-12,5 kg',
  '-12.5kg',
  '+/- 5 %',
  '-9.81 m/s²',
  '-5 km/h',
  '+3 kg/m³',
  '-40 °C',
  '-40°',
  '+3 Mio. €',
  '-12 US dollars',
  '+2 Prozentpunkte',
  '-3 日',
  '-.5',
  '-,5 l',
  '-1.6e-19 C',
  '-1 h 30 min',
  '-1h 30m',
  '-1/2',
  '-1 1/2',
  '-3/4 cup',
  '-½',
  '-01:30',
  '+02:00',
  '-1:30:15.250',
  '-1:30 h',
  '+2024-01-31',
  '-0044-03-15 12:00',
  '-1/2/2024',
  '+01.02.2024',
  '-33.8688, -70.6693',
  ' -5 EUR ',
  '-5\u00a0€',
  '-5\u202fEUR',
  '\n-5 EUR',
];

const guarded = [
  '=-5 EUR',
  '@5 EUR',
  "-5 EUR+cmd|' /C calc'!A0",
  '-5 EUR(1)',
  '-5 SUM(A1)',
  '-5 SUM (A1)',
  '+SUM(A1:A9)',
  '-HYPERLINK("http://127.0.0.1")',
  '-5 A1',
  '-5 EUR1',
  '-EUR5',
  '-US$5',
  '-$A$1',
  '-A1',
  '-5 kg CO2',
  '-5 m2',
  '-5*A1',
  '-A1-B2',
  '-A:A',
  '-1:3',
  '-1:1048576',
  '-R1C1',
  '-RC[-1]',
  '-5 Table[Column]',
  '-5|calc',
  '-5 cmd|calc',
  '-Sheet1!A1',
  '-5 Sheet!A',
  "-5 'a b'!A",
  '-5-3',
  '+5*2',
  '-5^2',
  '-5 & 6',
  '-5 EUR & x',
  '-5 EUR\n=1+1',
  '-5 EUR;=1+1',
  '-5,=1+1',
  '-1/A1',
  '-1/2/A1',
  '-01:30+A1',
  '-"5"',
  '-{1,2}',
  '-#REF!',
  '- an item',
  '-true',
  '-5 a b c d',
  `-5 ${'x'.repeat(25)}`,
  '－5 EUR',
  '+５(1)',
];

test('a cell of a .csv that begins with a sign is left as it is where no spreadsheet could run it', async () => {
  const texts = [...harmless, ...guarded];
  const requests = texts.map((_, index) => ({ task_id: `task_${index}`, prompt: 'How much?' }));
  const { server, batch_id } = await endedBatch(requests, (sent) =>
    sent.map((request, index) => succeeded(request, texts[index] ?? '')),
  );
  await server.ok('get_results', { batch_id, output_file: 'out.csv' });
  const [head = [], ...rows] = parseCsv(await readFile(path.join(server.work, 'out.csv'), 'utf8'));
  const column = head.indexOf('answer');
  expect(rows.map((row) => row[column])).toEqual([...harmless, ...guarded.map((text) => `'${text}`)]);
});
