import ts from 'typescript';

/**
 * Declarations whose optional members may also be `undefined`: with `exactOptionalPropertyTypes`
 * only those take what an application may not have.
 */
export function takingUndefined(text) {
  const insertions = [];
  const visit = (node) => {
    // What the client passes on has no `undefined` in it, and the global fetch takes none.
    if (ts.isInterfaceDeclaration(node) && node.name.text === 'FetchInit') return;
    if (ts.isPropertySignature(node) && node.questionToken && node.type) {
      const type = node.type;
      const [open, close] = ts.isFunctionTypeNode(type) ? ['(', ')'] : ['', ''];
      insertions.push([type.getStart(), open], [type.getEnd(), `${close} | undefined`]);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('declarations.d.ts', text, ts.ScriptTarget.Latest, true));
  // From the end, so that the places before stay what they are.
  insertions.sort(([a], [b]) => b - a);
  return insertions.reduce((changed, [at, words]) => changed.slice(0, at) + words + changed.slice(at), text);
}

/**
 * Declarations whose comments say a default on a line of its own: editors show it only there as
 * what it is.
 */
export const withTagsOnLines = (text) => text.replace(/^( *\* )(.*\S) (@default .*)$/gm, '$1$2\n$1$3');

const RELEASE = '/** Frees the memory early. Calls that are under way finish, and later ones are refused: `client_disposed`. */';
/** Declarations in which what wasm-bindgen adds to a class has a comment. */
export const withReleaseCommented = (text) => text.replace(/^( *)free\(\): void;$/gm, `$1${RELEASE}\n$&`);
