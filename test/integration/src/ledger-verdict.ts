/** What the checker of the ledger found, and what of it must not be; pure. */

export interface Findings {
  /** The load's, in the books. */
  readonly sourceId: string;
  /** Events that were made, and those of them that ingestion acknowledged. */
  readonly sent: number;
  readonly acked: number;
  /** Answers that an event can't be counted: none of them is wrong. */
  readonly rejected: number;
  /** Rows in the store, and different events among them. */
  readonly rows: number;
  readonly stored: number;
  /** Acknowledged, but not in the store. */
  readonly lost: number;
  /** In the store more than once. */
  readonly double: number;
  /** In the store, but never made. */
  readonly strange: number;
  /** Count and sum of events, and count of exposures, as the ledger tells them; and as the store's events say. */
  readonly told: Results;
  readonly expected: Results;
  /** Buried though nothing was wrong with them. */
  readonly deadLetters: number;
  /** Repeats of a message that the log kept, though it had the message a moment before. */
  readonly keptTwice: number;
  readonly messages: number;
  /** What kept the mesh from coming to rest; empty when log and spools were empty, and two reads of the store equal. */
  readonly unrest: string;
  readonly reads: number;
  /** Longest time in which nothing was acknowledged, and times from the intended sending to the acknowledgement. */
  readonly longestGapMs: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  /** Attempts that failed and were made again; requests that were sent again on purpose, in other company. */
  readonly retries: number;
  readonly repeats: number;
  /** Of the SDK that logged along. */
  readonly sdk: SdkFindings;
}

export interface Results {
  readonly events: number;
  readonly sum: number;
  readonly exposures: number;
}

export interface SdkFindings {
  readonly generated: number;
  readonly settled: number;
  readonly stored: number;
  /** Generated minus everything that the books explain. */
  readonly unexplained: number;
}

/** A sentence for each promise that was broken; none when all were kept. */
export function brokenPromises(found: Findings): string[] {
  const { told, expected, sdk } = found;
  const claims: [boolean, string][] = [
    [found.acked > 0, 'nothing was acknowledged'],
    [found.unrest === '', `the mesh did not come to rest: ${found.unrest}`],
    [found.lost === 0, `${found.lost} acknowledged events are lost`],
    [found.double === 0, `${found.double} events are stored twice`],
    [found.strange === 0, `${found.strange} stored events were never sent`],
    [found.rejected === 0, `${found.rejected} good events were rejected`],
    [found.deadLetters === 0, `${found.deadLetters} good events were buried`],
    [found.keptTwice === 0, `the log kept ${found.keptTwice} repeats of messages that it had`],
    [found.messages > 0, 'no message of the log was seen'],
    [told.events === expected.events, `the ledger counts ${told.events} events, ${expected.events} are stored`],
    [told.sum === expected.sum, `the ledger's sum is ${told.sum}, of what is stored ${expected.sum}`],
    [
      told.exposures === expected.exposures,
      `the ledger counts ${told.exposures} exposures, ${expected.exposures} are stored`,
    ],
    [sdk.generated > 0, 'the SDK logged nothing'],
    [sdk.unexplained === 0, `the books of the SDK do not explain ${sdk.unexplained} events`],
    [
      sdk.settled === sdk.stored && sdk.settled === sdk.generated,
      `the SDK made ${sdk.generated} events, ${sdk.settled} were taken, ${sdk.stored} are stored`,
    ],
  ];
  return claims.filter(([holds]) => !holds).map(([, broken]) => broken);
}
