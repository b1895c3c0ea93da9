// Numbers of many rounds in one.
const sorted = (values) => [...values].sort((one, other) => one - other);

/** The value that as many are below as above. */
export function median(values) {
  const inOrder = sorted(values);
  const middle = inOrder.length / 2;
  return inOrder.length % 2 ? inOrder[Math.floor(middle)] : (inOrder[middle - 1] + inOrder[middle]) / 2;
}

/** The value that this part of the others (0 to 1) are below. */
export const quantile = (values, part) => sorted(values)[Math.min(values.length - 1, Math.floor(values.length * part))];

/**
 * Does each of `works` once a round, one after the other, so that what else the machine does meets
 * them all alike. The measured numbers of each, by name.
 */
export async function interleaved(works, rounds) {
  const measured = Object.fromEntries(Object.keys(works).map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    // Each is first as often as the others.
    const names = Object.keys(works);
    for (let at = 0; at < names.length; at += 1) {
      const name = names[(at + round) % names.length];
      measured[name].push(await works[name]());
    }
  }
  return measured;
}
