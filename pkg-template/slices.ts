// Lists of thousands of jobs are megabytes: their text is parsed in slices, so that the program
// does other work between them.

/** So much text is parsed at a time, in UTF-16 code units: a few milliseconds. */
const SLICE = 500_000;
/** What stands between two jobs. In a string there is a backslash before the quotation mark. */
const BETWEEN = '},{"jobId":';

/** What this text is as JSON: without `json` where it is none. */
export async function parsed(text: string): Promise<{ json?: unknown }> {
  try {
    return { json: (text.length > 2 * SLICE && (await list(text))) || JSON.parse(text) };
  } catch {
    return {};
  }
}

/**
 * A list of jobs, parsed in slices. Where each slice is the inside of an array, all of them
 * together are the inside of this one. `undefined` where one is not: what looked like the end of a
 * job stood inside of it. No regular expression: the engine keeps the text that it has searched
 * last.
 */
async function list(text: string): Promise<object | undefined> {
  const begins = text.indexOf('[') + 1;
  const ends = text.lastIndexOf(']');
  if (begins === 0 || ends < begins) return undefined;
  try {
    const whole = JSON.parse(text.slice(0, begins) + text.slice(ends)) as { jobs: unknown };
    // A second member of this name would replace the first.
    if (!Array.isArray(whole.jobs)) return undefined;
    const jobs: unknown[] = whole.jobs;
    for (let at = begins; at < ends; ) {
      const next = text.indexOf(BETWEEN, at + SLICE);
      const to = next < 0 || next > ends ? ends : next + 1;
      for (const job of JSON.parse(`[${text.slice(at, to)}]`) as unknown[]) jobs.push(job);
      at = to + 1;
      // Nobody sees a hidden page stand still, and its timers are slow.
      if (globalThis.document?.hidden !== true) await new Promise((resolve) => setTimeout(resolve));
    }
    return whole;
  } catch {
    return undefined;
  }
}
