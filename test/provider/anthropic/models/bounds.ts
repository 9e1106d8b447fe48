import { measure } from './bound-measure.ts';
import { classes } from './bound-samples.ts';

/** How far an estimate's maximum lies above the tokenizer's count, class by class: `npm run bounds`. */
const measured = classes.map(measure);
const percent = (share: number) => `${(share * 100).toFixed(0)} %`;
for (const { name, samples, below, medianExcess, mostExcess } of measured) {
  const row = [
    name.padEnd(40),
    `${samples} sample${samples === 1 ? '' : 's'}`.padEnd(9),
    `${below.length} below`,
  ];
  process.stdout.write(
    `${[...row, `median ${percent(medianExcess)}`, `most ${percent(mostExcess)}`].join('  ')}\n`,
  );
}
const medians = measured.map(({ medianExcess }) => medianExcess).sort((a, b) => a - b);
const below = measured.reduce((sum, each) => sum + each.below.length, 0);
process.stdout.write(
  `${measured.length} classes, ${below} samples below; the median of the medians is ${percent(medians[Math.floor(medians.length / 2)] ?? 0)}\n`,
);
if (below > 0) process.exitCode = 1;
