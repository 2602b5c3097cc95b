/** What came of the tests of one room. */
export interface RoomResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const nothing: RoomResult = { passed: 0, failed: 0, skipped: 0 };

export function sum(results: readonly RoomResult[]): RoomResult {
  return results.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    nothing,
  );
}

export function closingLine({ passed, failed, skipped }: RoomResult): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
