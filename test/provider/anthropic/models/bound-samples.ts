import { readFileSync } from 'node:fs';
import { type Chance, createChance } from '../../../safety/chance.ts';
import { scripts } from './scripts.ts';
import { sentences } from './sentences.ts';

/** Texts or parts of a request that are alike in how many tokens they take. */
export type SampleClass = { name: string; samples: readonly unknown[] };

const SAMPLES = 9;
const project = new URL('../../../../', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, project), 'utf8').slice(0, 20_000);

/** The same texts each time. */
const many = (name: string, make: (chance: Chance, index: number) => unknown): SampleClass => {
  const chance = createChance(Buffer.from(name).reduce((sum, byte) => sum * 31 + byte, 7));
  return { name, samples: Array.from({ length: SAMPLES }, (_, index) => make(chance, index)) };
};

function charactersOf(chance: Chance, [first, last]: [number, number], length: number): string {
  return String.fromCodePoint(...Array.from({ length }, () => first + chance.whole(last - first + 1)));
}

/** Words as long as those of a language, of any characters of the script. */
const wordsOf = (range: [number, number]) => (chance: Chance) =>
  Array.from({ length: 60 }, () => charactersOf(chance, range, 1 + chance.whole(9))).join(' ');

const bytes = (chance: Chance, length: number) =>
  Buffer.from(Array.from({ length }, () => chance.whole(256)));

const code: Record<string, string> = {
  Python:
    'def mean(values: list[float]) -> float:\n    """The mean."""\n    if not values:\n        raise ValueError("empty")\n    return sum(values) / len(values)\n',
  JavaScript:
    'export const sum = (rows) => rows.reduce((total, { price, count }) => total + price * count, 0);\nconsole.log(sum([]));\n',
  Go: 'func Sum(xs []int) (total int) {\n\tfor _, x := range xs {\n\t\ttotal += x\n\t}\n\treturn total\n}\n',
  Rust: 'impl<T: Clone + Ord> Stack<T> {\n    pub fn pop(&mut self) -> Option<T> {\n        self.items.pop().filter(|x| x >= &self.least)\n    }\n}\n',
  C: '#include <stdio.h>\nint main(int argc, char **argv) {\n\tfor (int i = 0; i < argc; i++) printf("%d: %s\\n", i, argv[i]);\n\treturn 0;\n}\n',
  Java: '@Override\npublic Map<String, List<Integer>> group(final Collection<Order> orders) {\n  return orders.stream().collect(groupingBy(Order::getCustomer));\n}\n',
  SQL: "SELECT c.id, COUNT(*) AS n FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.at >= '2026-01-01' GROUP BY c.id HAVING COUNT(*) > 3;\n",
  HTML: '<ul class="list"><li><a href="/a?b=c&amp;d=%20" title="x">One</a></li>\n<li><input type="text" disabled></li></ul>\n',
  CSS: '.card:hover > a::after { margin: 0 auto 1.5rem; color: #0af3c9; transform: translate(-50%, 3px); }\n',
  shell:
    'find . -name "*.ts" -print0 | xargs -0 sed -i \'s/foo\\(bar\\)/\\1/g\' && echo "$?" >> "$LOG" 2>/dev/null\n',
  YAML: 'jobs:\n  test:\n    runs-on: ubuntu-24.04\n    strategy: { matrix: { node: [20, 22, 24] } }\n    steps:\n      - uses: actions/checkout@v4\n',
  regex: '^(?:[a-z0-9!#$%&\'*+/=?^_`{|}~-]+(?:\\.[a-z0-9]+)*|"(?:[\\x01-\\x08]|\\\\[\\x0e-\\x7f])*")@\\[?\n',
  LaTeX:
    '\\begin{equation}\\label{eq:1} \\int_0^{\\infty} e^{-x^2}\\,\\mathrm{d}x = \\frac{\\sqrt{\\pi}}{2} \\end{equation}\n',
  Haskell: 'quicksort (p:xs) = quicksort [x | x <- xs, x < p] ++ [p] ++ quicksort [x | x <- xs, x >= p]\n',
};

const blanks = ['\n', '\t', ' ', '\r\n', '    \n', '\t\n', '\u00a0', '\u3000', '\n\n\n\t'];
const emoji = ['😀', '👩‍👩‍👧‍👦', '🏳️‍🌈', '👍🏽', '🇩🇪', '❤️', '1️⃣', '👨🏿‍🚀', '🫠'];

const words = sentences.English?.split(' ') ?? [];
const prose = (chance: Chance, length: number) =>
  Array.from({ length }, () => words[chance.whole(words.length)]).join(' ');
const name = (chance: Chance) => `${prose(chance, 2).replaceAll(/\W+/g, '_')}_${chance.whole(99)}`;

function tool(chance: Chance) {
  const properties = Object.fromEntries(
    Array.from({ length: 1 + chance.whole(6) }, () => [
      name(chance),
      { type: chance.one(['string', 'integer', 'array']), description: prose(chance, 8) },
    ]),
  );
  return {
    name: name(chance),
    description: prose(chance, 30),
    input_schema: {
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    },
  };
}

const document = (chance: Chance) => ({
  type: 'document',
  title: prose(chance, 4),
  context: prose(chance, 12),
  citations: { enabled: true },
  source: { type: 'text', media_type: 'text/plain', data: prose(chance, 300) },
});

const message = (chance: Chance, index: number) => ({
  role: index % 2 === 0 ? 'user' : 'assistant',
  content: Array.from({ length: 1 + chance.whole(5) }, () => ({ type: 'text', text: prose(chance, 40) })),
});

/** What an estimate's maximum is held against, class by class. */
export const classes: readonly SampleClass[] = [
  ...Object.entries(scripts).map(([script, range]) => many(`characters: ${script}`, wordsOf(range))),
  ...Object.entries(sentences).map(([language, text]) => ({
    name: `sentence: ${language}`,
    samples: [text],
  })),
  ...Object.entries(code).map(([language, text]) => ({ name: `code: ${language}`, samples: [text] })),
  {
    name: 'code and texts of this project',
    samples: ['README.md', 'src/errors.ts', 'package-lock.json', 'biome.json', 'docs/tools.md'].map(read),
  },
  many('base64', (chance, index) => bytes(chance, 60 * (index + 1)).toString('base64')),
  many('hexadecimal', (chance, index) => bytes(chance, 60 * (index + 1)).toString('hex')),
  many('UUIDs', (chance) =>
    bytes(chance, 160)
      .toString('hex')
      .replaceAll(/(.{8})(.{4})(.{12})/g, '$1-$2-$3 '),
  ),
  many('numbers', (chance) => Array.from({ length: 80 }, () => chance.whole(1e9) / 100).join(', ')),
  many('blanks', (_chance, index) => (blanks[index] ?? ' ').repeat(400)),
  many('blanks mixed', (chance) =>
    Array.from({ length: 300 }, () => blanks[chance.whole(blanks.length)]).join(''),
  ),
  many('emoji', (chance, index) =>
    Array.from({ length: 80 }, () => emoji[index === 0 ? chance.whole(emoji.length) : index]).join(''),
  ),
  many('logs', (chance) =>
    Array.from(
      { length: 20 },
      () =>
        `2026-11-26T20:${10 + chance.whole(50)}:07.${chance.whole(999)}Z WARN [pool-${chance.whole(9)}] ${prose(chance, 6)} id=${bytes(chance, 4).toString('hex')}`,
    ).join('\n'),
  ),
  many('documents', document),
  many('tool definitions', tool),
  many('messages of several blocks', message),
];
