// A misspelt option must not be an absent option: where money is at stake, a typo costs some.

/**
 * What is wrong with an object of options: the name of a member that nobody knows, and words about it. A member that is
 * `undefined` is absent.
 *
 * @param field What the object is called: `options`, `params`, or a member of the options.
 * @param known The names that are known, with `, ` between them.
 */
export function misfit(given: object, field: string, known: string): [field: string, words: string] | undefined {
  const names = known.split(', ');
  const odd = Object.keys(given).find((key) => !names.includes(key) && (given as Record<string, unknown>)[key] !== undefined);
  if (odd === undefined) return undefined;
  const prefix = field === 'options' || field === 'params' ? '' : `${field}.`;
  const name = prefix + (odd.length > 60 ? `${odd.slice(0, 60)}…` : odd);
  const meant = nearest(odd, names);
  const kind = field === 'params' ? 'member of params' : 'option';
  const hint = meant === undefined ? '' : `; did you mean \`${prefix}${meant}\`?`;
  return [name, `unknown ${kind} \`${name}\`${hint || ';'} Known: ${known}`];
}

/** The name that was probably meant. */
function nearest(odd: string, names: readonly string[]): string | undefined {
  const given = odd.toLowerCase();
  const scored = names.map((name) => ({ name, score: distance(given, name.toLowerCase()) }));
  const best = scored.reduce((one, other) => (other.score < one.score ? other : one));
  return best.score <= Math.max(1, Math.floor(given.length / 3)) ? best.name : undefined;
}

/** How many letters differ. A name that is a part of the other one is near, however long that is. */
function distance(one: string, other: string): number {
  if (one.length > 2 && (one.includes(other) || other.includes(one))) return 1;
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (const [to, otherLetter] of [...other].entries()) {
      const changed = (row[to] ?? 0) + (letter === otherLetter ? 0 : 1);
      next.push(Math.min(changed, (row[to + 1] ?? 0) + 1, (next[to] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
