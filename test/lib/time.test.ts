import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMoment, readMomentBefore } from '../../src/lib/time.ts';

const taken: [text: string, expected: string][] = [
  ['2026-11-22', '2026-11-22T00:00:00.000Z'],
  ['2028-02-29', '2028-02-29T00:00:00.000Z'],
  ['2026-11-22T08:00', '2026-11-22T08:00:00.000Z'],
  ['2026-11-22 08:00', '2026-11-22T08:00:00.000Z'],
  ['2026-11-22T08:00:30', '2026-11-22T08:00:30.000Z'],
  ['2026-11-22T08:00:30.5', '2026-11-22T08:00:30.500Z'],
  ['2026-11-22T08:00:30.123456789Z', '2026-11-22T08:00:30.123Z'],
  ['2026-11-22t08:00:30z', '2026-11-22T08:00:30.000Z'],
  ['2026-11-22T08:00+02:00', '2026-11-22T06:00:00.000Z'],
  ['2026-11-22T08:00:00-0530', '2026-11-22T13:30:00.000Z'],
  ['2026-11-22 08:00:00 +01:00', '2026-11-22T07:00:00.000Z'],
  [' 2026-11-22 ', '2026-11-22T00:00:00.000Z'],
];

const refused = [
  '',
  '2026',
  '2026-11',
  '2026-02-29',
  '2026-02-30',
  '2026-04-31',
  '2026-13-01',
  '2026-00-10',
  '2026-11-00',
  '2026-11-32',
  '2026-11-22T25:00',
  '2026-11-22T08:60',
  '2026-11-22T08',
  '2026-11-22T08:00 CET',
  '2026-11-22T08:00+25:00',
  '2026-11-22Z',
  '22.11.2026',
  '11/22/2026',
  'yesterday',
];

/** Read in a process whose machine is set to this zone. */
function readIn(zone: string, texts: readonly string[]): unknown {
  const module = path.resolve(import.meta.dirname, '../../src/lib/time.ts');
  const script = `import(${JSON.stringify(module)}).then(({ readMoment }) => console.log(JSON.stringify(${JSON.stringify(texts)}.map((text) => readMoment(text) ?? null))))`;
  const output = execFileSync(process.execPath, ['--import', 'tsx', '-e', script], {
    env: { ...process.env, TZ: zone },
    encoding: 'utf8',
  });
  return JSON.parse(output);
}

describe('a moment', () => {
  it.each(taken)('%j is %s', (text, expected) => {
    expect(new Date(readMoment(text) ?? Number.NaN).toISOString()).toBe(expected);
  });

  it.each(refused)('%j is none', (text) => {
    expect(readMoment(text)).toBeUndefined();
  });

  it.each(['America/Los_Angeles', 'Asia/Kolkata'])('is the same on a machine in %s', (zone) => {
    const texts = taken.map(([text]) => text);
    expect(readIn(zone, texts)).toEqual(taken.map(([, expected]) => Date.parse(expected)));
  });
});

describe('a moment as people say it', () => {
  const now = new Date('2026-11-26T12:00:00Z');
  const said: [text: string, expected: string][] = [
    ['7d', '2026-11-19T12:00:00.000Z'],
    ['7 days ago', '2026-11-19T12:00:00.000Z'],
    ['-24h', '2026-11-25T12:00:00.000Z'],
    ['2 weeks', '2026-11-12T12:00:00.000Z'],
    ['90 min', '2026-11-26T10:30:00.000Z'],
    ['3 months ago', '2026-08-26T12:00:00.000Z'],
    ['now', '2026-11-26T12:00:00.000Z'],
    ['today', '2026-11-26T00:00:00.000Z'],
    ['Yesterday', '2026-11-25T00:00:00.000Z'],
    ['last week', '2026-11-19T12:00:00.000Z'],
    ['this month', '2026-11-01T00:00:00.000Z'],
    ['last month', '2026-10-01T00:00:00.000Z'],
    ['2026', '2026-01-01T00:00:00.000Z'],
    ['2026-11', '2026-11-01T00:00:00.000Z'],
    ['2026/11/01', '2026-11-01T00:00:00.000Z'],
    ['2026-11-22T08:00+02:00', '2026-11-22T06:00:00.000Z'],
    ['Nov 1, 2026', '2026-11-01T00:00:00.000Z'],
    ['1 November 2026', '2026-11-01T00:00:00.000Z'],
    ['an hour ago', '2026-11-26T11:00:00.000Z'],
    ['two days ago', '2026-11-24T12:00:00.000Z'],
    ['a week ago', '2026-11-19T12:00:00.000Z'],
    ['a month ago', '2026-10-26T12:00:00.000Z'],
    ['last 7 days', '2026-11-19T12:00:00.000Z'],
    ['the past 2 weeks', '2026-11-12T12:00:00.000Z'],
    ['in the last three hours', '2026-11-26T09:00:00.000Z'],
    ['since yesterday', '2026-11-25T00:00:00.000Z'],
    ['P7D', '2026-11-19T12:00:00.000Z'],
    ['PT1H', '2026-11-26T11:00:00.000Z'],
    ['Monday', '2026-11-23T00:00:00.000Z'],
    ['thursday', '2026-11-26T00:00:00.000Z'],
    ['last Thursday', '2026-11-19T00:00:00.000Z'],
    ['20261101', '2026-11-01T00:00:00.000Z'],
    ['22.11.2026', '2026-11-22T00:00:00.000Z'],
    ['22/11/2026', '2026-11-22T00:00:00.000Z'],
    ['11/22/2026', '2026-11-22T00:00:00.000Z'],
    ['2026-11-22T08:00+02', '2026-11-22T06:00:00.000Z'],
    ['1764000000', '2025-11-24T16:00:00.000Z'],
    ['1764000000000', '2025-11-24T16:00:00.000Z'],
    ['24 hrs', '2026-11-25T12:00:00.000Z'],
    ['1 year ago', '2025-11-26T12:00:00.000Z'],
    ['2y', '2024-11-26T12:00:00.000Z'],
    ['6mo', '2026-05-26T12:00:00.000Z'],
    ['last year', '2025-01-01T00:00:00.000Z'],
    ['Nov 2026', '2026-11-01T00:00:00.000Z'],
    ['September, 2026', '2026-09-01T00:00:00.000Z'],
    ['2026-11-22 08:00:00 UTC', '2026-11-22T08:00:00.000Z'],
  ];
  it.each(said)('%j is %s', (text, expected) => {
    expect(new Date(readMomentBefore(text, now) ?? Number.NaN).toISOString()).toBe(expected);
  });

  it.each([
    '11/01/2026',
    '01.11.2026',
    '31.02.2026',
    '13/13/2026',
    '20260230',
    'tomorrow',
    'two apples',
    'last',
    'last noon',
    'null',
    'P7',
    'Q4 2026',
    '30m',
    '2026-02-30',
    'about 2026',
    'Feb 30, 2026',
    'Foo 1, 2026',
    'Nov 1',
    'soon',
    '7',
    '',
  ])('%j is none', (text) => {
    expect(readMomentBefore(text, now)).toBeUndefined();
  });

  it('a month before the 31st is the last of a shorter one', () => {
    const then = readMomentBefore('1 month', new Date('2026-03-31T08:00:00Z'));
    expect(new Date(then ?? Number.NaN).toISOString()).toBe('2026-02-28T08:00:00.000Z');
  });
});
