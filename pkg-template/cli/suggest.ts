// Which word was meant.

/** How many letters may be wrong. */
const MOST_WRONG = 2;

/** The one of these words that is nearest to a misspelt one; nothing when none is near. */
export function meant(word: string, words: readonly string[]): string | undefined {
  const near = words
    .map((other) => ({ other, wrong: distance(word, other) }))
    .filter(({ other, wrong }) => wrong <= MOST_WRONG && wrong < other.replace(/^-+/, '').length / 2 + 1);
  return near.sort((one, two) => one.wrong - two.wrong)[0]?.other;
}

/** How many letters have to be added, left out or replaced (Levenshtein). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
