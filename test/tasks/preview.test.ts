import { expect, it } from 'vitest';
import { previewOf } from '../../src/tasks/examine/check-rendered.ts';

const request = (params: string) => `{"custom_id": "a", "params": ${params}}`;

it.each([
  '1234567890123456789',
  '100.10',
  '5.0',
  '1e400',
  '-0',
  '1E5',
  '0.1000000000000000055511151231257827',
])('%s is shown as it is sent', (number) => {
  expect(previewOf(request(`{"tools":[{"maximum":${number}}]}`))).toBe(
    `{"custom_id":"a","params":{"tools":[{"maximum":${number}}]}}`,
  );
});

it('the data of a file is told by its length', () => {
  const data = 'QUJD'.repeat(100);
  const shown = previewOf(
    request(`{"source":{"type":"base64","data":"${data}"},"text":"\\"data\\":\\"${data}\\""}`),
  );
  expect(shown).toContain('"data":"(400 characters of base64)"');
  // A text that says the same is a text.
  expect(shown).toContain(`${data.slice(0, 100)}\\"`);
});

it('a long one has its beginning and its end', () => {
  const shown = previewOf(request(`{"model":"m","text":"${'x'.repeat(5000)} the end"}`));
  expect(shown.length).toBeLessThan(610);
  expect(shown).toMatch(/^\{"custom_id":"a","params":\{"model":"m".* … .* the end"\}\}$/);
});
