import type { Acknowledgement, SetRef, WaitForRevisionResponse } from '@sluice/proto';
import type { Session } from './session.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';
import { formatMs } from './words.js';

export const waitJsonHelp = `isEverywhere is null and evaluators empty without --wait. Exit code 6 when not all have it in time.`;

/** Which evaluators answer by a change; nothing unless somebody waits for that. */
export interface Arrivals {
  readonly document: {
    readonly isEverywhere: boolean | null;
    readonly evaluators: readonly Readonly<Record<string, unknown>>[];
  };
  readonly isLate: boolean;
  /** Lines to print below what was done; empty without a wait. */
  text(style: Style): string;
}

/** Waits for every live evaluator, when asked to. */
export async function awaitArrivals(
  session: Session,
  set: SetRef,
  revision: number,
  isWanted: boolean | undefined,
): Promise<Arrivals> {
  const wait = isWanted ? await session.config.waitForRevision({ set, revision }, session.call) : undefined;
  return arrivalsOf(wait, revision);
}

/** What the answer to a wait says; without one, nothing. */
export function arrivalsOf(wait: WaitForRevisionResponse | undefined, revision: number): Arrivals {
  const evaluators = (wait?.acknowledgements ?? []).map((ack) => ({ ...ack, hasIt: hasIt(ack, revision) }));
  return {
    document: { isEverywhere: wait?.isComplete ?? null, evaluators },
    isLate: wait?.isComplete === false,
    text: (style) => (wait ? `\n${textOf(wait, revision, style)}` : ''),
  };
}

const hasIt = (ack: Acknowledgement, revision: number): boolean => ack.revision >= revision && !ack.isForeign;

function whyNot({ revision, isForeign }: Acknowledgement): string {
  return isForeign
    ? `no: its revision ${revision} is of another history than config's`
    : `not yet, at revision ${revision}`;
}

function textOf({ acknowledgements, isComplete }: WaitForRevisionResponse, revision: number, style: Style): string {
  const rows = acknowledgements.map((ack) => [
    ack.instance,
    ack.region,
    hasIt(ack, revision) ? formatMs(ack.latencyMs) : style.bad(whyNot(ack)),
  ]);
  if (rows.length === 0) return style.warn('no evaluator is alive to wait for');
  const titles = [{ title: 'EVALUATOR' }, { title: 'REGION' }, { title: 'AFTER', align: 'right' as const }];
  const slowestMs = Math.max(...acknowledgements.map(({ latencyMs }) => latencyMs));
  const verdict = isComplete
    ? style.good(`every evaluator has it after ${formatMs(slowestMs)}`)
    : style.bad('not every evaluator had it in time; the change is committed and on its way');
  return `${formatTable(titles, rows, style)}\n${verdict}`;
}
