/** Outcomes kept: countries, plans and versions are few, and asked about again and again. */
const outcomesMax = 64;
/** Longer texts are rarely asked about twice. */
const textMax = 40;

/**
 * A pure test of a text that remembers its first outcomes. Of texts that never repeat, such as
 * ids, only the first few are kept, so that they cost no more than a lookup each.
 */
export function remembered(test: (text: string) => boolean): (text: string) => boolean {
  const outcomes = new Map<string, boolean>();
  return (text) => {
    const known = outcomes.get(text);
    if (known !== undefined) return known;
    const outcome = test(text);
    if (outcomes.size < outcomesMax && text.length <= textMax) outcomes.set(text, outcome);
    return outcome;
  };
}
