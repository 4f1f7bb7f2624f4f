/** An environment variable that is probably a misspelled setting, and the settings that it resembles. */
export type MisspelledSetting = { readonly name: string; readonly suggestions: readonly string[] };

/**
 * Finds variables whose names nearly match a setting. If such a variable were ignored, the setting would keep its
 * default, which for `SALESFORCE_LOGIN_URL` means another org.
 *
 * Settings that are present under their correct name are not suggested. Names that other programs use (`API_KEY`,
 * `LOG_LEVELS`) are ignored.
 */
export function findMisspelledSettings(
  present: readonly string[],
  settings: readonly string[],
): MisspelledSetting[] {
  const known = new Set(settings);
  const candidates = settings.filter((name) => isDistinctive(name) && !present.includes(name));
  return present
    .filter((name) => !known.has(name) && !usedByOthers.has(name))
    .map((name) => ({ name, suggestions: candidates.filter((setting) => resembles(name, setting)) }))
    .filter(({ suggestions }) => suggestions.length > 0);
}

// Too short or too common for a near match to mean anything.
const common = new Set(['PORT', 'HOST', 'ROLES', 'DATA_DIR', 'LOG_LEVEL', 'DRAIN_MS', 'QUIET_MS']);
const usedByOthers = new Set(['API_KEY', 'HTTP_PROXY', 'http_proxy', 'https_proxy', 'no_proxy']);

function isDistinctive(setting: string): boolean {
  return !common.has(setting);
}

function resembles(name: string, setting: string): boolean {
  const upperCase = name.toUpperCase();
  const maxDistance = setting.length < 10 ? 1 : 2;
  const isAsLong = Math.abs(upperCase.length - setting.length) <= maxDistance;
  if (isAsLong && editDistance(upperCase, setting) <= maxDistance) return true;
  const words = upperCase.split('_');
  const expected = setting.split('_');
  return isReordering(words, expected) || (expected[0] === 'SALESFORCE' && lacksOneWord(words, expected));
}

function isReordering(words: readonly string[], expected: readonly string[]): boolean {
  return words.toSorted().join('_') === expected.toSorted().join('_');
}

/** `SALESFORCE_URL` for `SALESFORCE_LOGIN_URL`. */
function lacksOneWord(words: readonly string[], expected: readonly string[]): boolean {
  return (
    words.length > 1 &&
    expected.some((_, index) => index > 0 && expected.toSpliced(index, 1).join('_') === words.join('_'))
  );
}

/** The restricted Damerau-Levenshtein distance: insertions, deletions, replacements and transpositions. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (last[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const inserted = (current[column - 1] ?? 0) + 1;
      const deleted = (last[column] ?? 0) + 1;
      const isSwap = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      const swapped = isSwap && row > 1 && column > 1 ? (beforeLast[column - 2] ?? 0) + 1 : replaced;
      current.push(Math.min(replaced, inserted, deleted, swapped));
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
