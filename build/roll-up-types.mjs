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
    const edits = [];
    const references = referencesIn(statement);
    const symbols = checker.getSymbolAtLocation(references.map(({ identifier }) => identifier));
    for (const [index, { identifier, from }] of references.entries()) {
      if (!symbols[index]) continue;
      const target = real(symbols[index]);
      const declaration = target.declarations[0]?.resolve();
      if (!declaration) continue;
      refuseForeign(declaration, folder, statement);
      if (statementOf(declaration) === null || !isOurs(declaration, folder)) continue;
      edits.push({ from, to: identifier.end, text: nameOf(target) });
      queue.push(target);
    }
    statements.set(statement, { edits, isExported: exported.some((each) => each.symbol.id === symbol.id) });
  }
  const texts = [...statements].map(([statement, told]) => textOf(statement, told));
  return `${texts.join('\n\n')}\n\nexport {};\n`;
}

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

function refuseForeign(declaration, folder, statement) {
  const { fileName } = fileOf(declaration);
  const isForeign =
    fileName.includes('/node_modules/') && !/\/node_modules\/(@types\/node|@?typescript)\b/.test(fileName);
  if (!isForeign || isOurs(declaration, folder)) return;
  const where = path.relative(folder, fileOf(statement).fileName);
  throw new Error(
    `The library's types need ${path.relative(process.cwd(), fileName)}, for what ${where} declares.`,
  );
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

/** A statement with its comment, its names replaced and its modifiers set anew. */
function textOf(statement, { edits, isExported }) {
  const { text } = fileOf(statement);
  let edited = text.slice(0, statement.end);
  for (const { from, to, text: name } of edits.toSorted((a, b) => b.from - a.from)) {
    edited = edited.slice(0, from) + name + edited.slice(to);
  }
  const modifiers = /^(export )?(declare )?(?=type |interface |const |class |abstract |function )/m;
  const whole = edited.slice(statement.pos).trim();
  const isType =
    statement.kind === SyntaxKind.TypeAliasDeclaration || statement.kind === SyntaxKind.InterfaceDeclaration;
  return whole.replace(modifiers, `${isExported ? 'export ' : ''}${isType ? '' : 'declare '}`);
}
