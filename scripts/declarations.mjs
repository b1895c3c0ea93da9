import ts from 'typescript';

/**
 * Declarations whose optional members may also be `undefined`: with `exactOptionalPropertyTypes` only those take what an
 * application may not have.
 */
export function takingUndefined(text) {
  const insertions = [];
  const visit = (node) => {
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

/** Declarations whose comments say a default on a line of its own: editors show it only there as what it is. */
export const withTagsOnLines = (text) => text.replace(/^( *\* )(.*\S) (@default .*)$/gm, '$1$2\n$1$3');
