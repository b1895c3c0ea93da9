// How Rust looks into JavaScript values. What it looks into may be anything: a Proxy, an object
// whose getters throw.

/**
 * A member; `undefined` where this is no object, where there is none, and where asking for it
 * throws.
 */
export function member(of: unknown, name: string): unknown {
  try {
    return typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}

/** A member that is a string. */
export function memberText(of: unknown, name: string): string | undefined {
  const value = member(of, name);
  return typeof value === 'string' ? value : undefined;
}

/** A member that is a number. */
export function memberNumber(of: unknown, name: string): number | undefined {
  const value = member(of, name);
  return typeof value === 'number' ? value : undefined;
}

/** Puts a member into an object of the package's own, or one that was just parsed. */
export function setMember(of: object, name: string, value: unknown): void {
  Reflect.set(of, name, value);
}

/**
 * Makes texts of an object that was just parsed those that are known already, where they say the
 * same.
 */
export function shareTexts(of: Record<string, unknown>, known: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(of)) {
    if (typeof value !== 'string') continue;
    if (known[name] === value) of[name] = known[name];
    else known[name] = value;
  }
}

/** Takes a member out of such an object. */
export function deleteMember(of: unknown, name: string): void {
  if (typeof of === 'object' && of !== null) Reflect.deleteProperty(of, name);
}

/** What a value is, as the enum `Kind` in Rust counts it. */
export function kindOf(value: unknown): number {
  if (value === null) return 1;
  switch (typeof value) {
    case 'undefined':
      return 0;
    case 'boolean':
      return 2;
    case 'number':
      return 3;
    case 'string':
      return 4;
    case 'object':
      return isArray(value) ? 5 : 6;
    default:
      return 7;
  }
}

/** A value in a message: what it is, and never what is in it. */
export function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** A Proxy that was revoked throws. */
function isArray(value: unknown): boolean {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}
