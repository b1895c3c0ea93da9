// A misspelt option must not be an absent option: where money is at stake, a typo costs some.

/** What is wrong with an object of options: a member that nobody knows. */
export interface UnknownMember {
  /** Its own name. */
  ownName: string;
  /** Its whole name, as an error's `field` has it. */
  name: string;
  /** Words about it. */
  words: string;
  /** What was probably meant, and the names that are known. */
  hint: string;
}

/**
 * The first member that nobody knows. One that is `undefined` is absent.
 *
 * @param field What the object is called: `options`, `params`, or a member of the options.
 * @param known The names that are known, with `, ` between them.
 */
export function unknownMember(given: object, field: string, known: string): UnknownMember | undefined {
  const names = known.split(', ');
  const ownName = Object.keys(given).find((key) => !names.includes(key) && (given as Record<string, unknown>)[key] !== undefined);
  if (ownName === undefined) return undefined;
  const prefix = field === 'options' || field === 'params' ? '' : `${field}.`;
  const name = prefix + (ownName.length > 60 ? `${ownName.slice(0, 60)}…` : ownName);
  const meant = nearest(ownName, names);
  const kind = field === 'params' ? 'member of params' : 'option';
  const hint = meant === undefined ? '' : `; did you mean \`${prefix}${meant}\`?`;
  return { ownName, name, words: `unknown ${kind} \`${name}\``, hint: `${hint || ';'} Known: ${known}` };
}

/** The name that was probably meant. */
function nearest(odd: string, names: readonly string[]): string | undefined {
  const given = odd.toLowerCase();
  const scored = names.map((name) => ({ name, score: distance(given, name.toLowerCase()) }));
  const best = scored.reduce((one, other) => (other.score < one.score ? other : one));
  return best.score <= Math.max(1, Math.floor(given.length / 3)) ? best.name : undefined;
}

/**
 * How many letters are changed, missing, too many or swapped. A name that is a part of the other
 * one is near, however long that is.
 */
function distance(one: string, other: string): number {
  if (one.length > 2 && (one.includes(other) || other.includes(one))) return 1;
  const rows = [Array.from({ length: other.length + 1 }, (_, to) => to)];
  const cost = (at: number, to: number) => rows[at]?.[to] ?? Infinity;
  for (let at = 1; at <= one.length; at += 1) {
    rows.push([at]);
    for (let to = 1; to <= other.length; to += 1) {
      const isSwapped = one[at - 1] === other[to - 2] && one[at - 2] === other[to - 1];
      const changed = cost(at - 1, to - 1) + (one[at - 1] === other[to - 1] ? 0 : 1);
      const swapped = isSwapped ? cost(at - 2, to - 2) + 1 : Infinity;
      rows[at]?.push(Math.min(changed, swapped, cost(at - 1, to) + 1, cost(at, to - 1) + 1));
    }
  }
  return cost(one.length, other.length);
}
