/**
 * Rolls the declarations that tsc has written up into one file: what the entry exports, and of the other files what that
 * needs. Built on the compiler's own API: the bundlers of declarations that run on Node 20 want a second compiler of an
 * older kind, and the one that was tried took a minute.
 */
import path from 'node:path';
import {
  isIdentifier,
  isImportTypeNode,
  isSourceFile,
  isVariableDeclaration,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

/** The text of the one file. Throws where the library's types need those of a package. */
export function rollUpTypes(configFile, entry) {
  const api = new API();
  try {
    const [project] = api.updateSnapshot({ openProject: configFile }).getProjects();
    return rollUp(project, path.dirname(configFile), entry);
  } finally {
    api.close();
  }
}

function rollUp({ program, checker }, folder, entry) {
  const real = (symbol) => (symbol.flags & ALIAS ? checker.getAliasedSymbol(symbol) : symbol);
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)))
    .map((symbol) => ({ name: symbol.name, symbol: real(symbol) }));
  // The exported names first: what else has one of these is called otherwise.
  const names = new Map(exported.map(({ name, symbol }) => [symbol.id, name]));
  const taken = new Set(names.values());
  const statements = new Map();
  const queue = exported.map(({ symbol }) => symbol);

  const nameOf = (symbol) => {
    if (names.has(symbol.id)) return names.get(symbol.id);
    let name = symbol.name;
    for (let n = 2; taken.has(name); n += 1) name = `${symbol.name}${n}`;
    taken.add(name);
    names.set(symbol.id, name);
    return name;
  };

  for (const symbol of queue) {
    const statement = statementOf(symbol.declarations[0].resolve());
    if (statements.has(statement)) continue;
    const references = referencesIn(statement);
    const symbols = checker.getSymbolAtLocation(references.map(({ identifier }) => identifier));
    const found = references.flatMap((reference, index) => {
      const target = symbols[index] && real(symbols[index]);
      const declaration = target?.declarations[0]?.resolve();
      return declaration ? [{ ...reference, target, declaration }] : [];
    });
    const isExported = exported.some((each) => each.symbol.id === symbol.id);
    const foreign = found.find(({ declaration }) => isForeign(declaration, folder));
    if (foreign) {
      const written = writtenOut(checker, symbol, statement, foreign.identifier.text);
      statements.set(statement, {
        text: `${commentOf(statement)}type ${nameOf(symbol)} = ${written};`,
        isExported,
      });
      continue;
    }
    const ours = found.filter(
      ({ declaration }) => statementOf(declaration) !== null && isOurs(declaration, folder),
    );
    const edits = ours.map(({ from, identifier, target }) => ({
      from,
      to: identifier.end,
      text: nameOf(target),
    }));
    queue.push(...ours.map(({ target }) => target));
    statements.set(statement, { text: edited(statement, edits), isExported });
  }
  const texts = [...statements].map(([statement, { text, isExported }]) => {
    const isType = statement.kind === SyntaxKind.TypeAliasDeclaration;
    return text.trim().replace(MODIFIERS, `${isExported ? 'export ' : ''}${isType ? '' : 'declare '}`);
  });
  return `${texts.join('\n\n')}\n\nexport {};\n`;
}

/** Of a declaration as tsc writes it, behind its comment. */
const MODIFIERS = /^(export )?(declare )?(?=(type|const|(abstract )?class|function) )/m;

const NO_TRUNCATION = 1 << 0;
const STRUCTURE_NOT_NAME = 1 << 23;

/** A type that a package's type makes, such as what a zod schema gives, without that package. */
function writtenOut(checker, symbol, statement, foreign) {
  const where = `${path.basename(fileOf(statement).fileName)}, ${symbol.name}`;
  if (statement.kind !== SyntaxKind.TypeAliasDeclaration || statement.typeParameters?.length > 0) {
    throw new Error(`The library's types need ${foreign} of another package, for ${where}.`);
  }
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  return checker.typeToString(type, undefined, NO_TRUNCATION | STRUCTURE_NOT_NAME);
}

const commentOf = (statement) => fileOf(statement).text.slice(statement.pos, statement.getStart());

const ALIAS = 1 << 21;

const fileOf = (node) => {
  let at = node;
  while (!isSourceFile(at)) at = at.parent;
  return at;
};

const isOurs = (node, folder) => !path.relative(folder, fileOf(node).fileName).startsWith('..');

/** The statement of a file that declares this; null for what is inside of one, a property or a parameter. */
function statementOf(declaration) {
  if (isSourceFile(declaration)) return null;
  let at = declaration;
  if (isVariableDeclaration(at)) at = at.parent.parent;
  return isSourceFile(at.parent) ? at : null;
}

/** Whether a package declares this: what Node and the language have is everybody's. */
function isForeign(declaration, folder) {
  const { fileName } = fileOf(declaration);
  const isEverybodys = /\/node_modules\/(@types\/node|@?typescript)\b/.test(fileName);
  return fileName.includes('/node_modules/') && !isEverybodys && !isOurs(declaration, folder);
}

/** Names in a statement, and from where each is to be replaced: of `import("./x.ts").Name` the whole. */
function referencesIn(statement) {
  const found = [];
  const visit = (node, from) => {
    if (isIdentifier(node)) found.push({ identifier: node, from: from ?? startOf(node) });
    else if (isImportTypeNode(node)) {
      if (!isIdentifier(node.qualifier))
        throw new Error('A qualified name in an import type is not known here.');
      const at = startOf(node) + (node.isTypeOf ? 'typeof '.length : 0);
      visit(node.qualifier, at);
      for (const argument of node.typeArguments ?? []) visit(argument);
    } else node.forEachChild((child) => visit(child));
  };
  visit(statement);
  return found;
}

const startOf = (node) => {
  const { text } = fileOf(node);
  let at = node.pos;
  while (/\s/.test(text[at])) at += 1;
  return at;
};

/** A statement with its comment, its names replaced. */
function edited(statement, edits) {
  let text = fileOf(statement).text.slice(0, statement.end);
  for (const { from, to, text: name } of edits.toSorted((a, b) => b.from - a.from)) {
    text = text.slice(0, from) + name + text.slice(to);
  }
  return text.slice(statement.pos);
}
