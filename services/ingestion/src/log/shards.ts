/**
 * The event log is three streams, so that no single leader is needed to take an event. A leader
 * that is lost answers nothing for 4 to 9 seconds (measured; not to be configured): its shard is
 * passed over, and the next one takes the message. A shard that held it after all makes a
 * duplicate, which the writer's key removes. Each region has three of its own, with the region in their
 * subjects: what is published in one is heard in all, and must be kept by one.
 */
import type { Bus } from '@sluice/bus';
import { type Clock, SluiceError, unavailable } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';

export interface Shard {
  readonly stream: string;
  /** What its subjects begin with. */
  readonly prefix: string;
}

export const firstPrefix = 'events.v1';

export const eventShards: readonly Shard[] = [
  { stream: 'EVENTS', prefix: firstPrefix },
  { stream: 'EVENTS_2', prefix: 'events-2.v1' },
  { stream: 'EVENTS_3', prefix: 'events-3.v1' },
];

export interface LogMessage {
  /** As on the first shard. */
  readonly subject: string;
  readonly data: Uint8Array;
  /** The same events have the same one. */
  readonly messageId: string;
  readonly traceparent?: string | undefined;
}

export interface Shards {
  /**
   * Resolves once one shard has the message on stable storage; answers whether it had it before.
   * @throws SluiceError `exhausted` when every shard is full, `unavailable` when none answers in time.
   */
  publish(message: LogMessage): Promise<boolean>;
}

export interface ShardsOptions {
  readonly bus: Pick<Bus, 'publish'>;
  readonly clock: Clock;
  /** How long all shards together may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly shards?: readonly Shard[];
}

/** How long a shard may take while another one is left to ask, in milliseconds. */
const patienceMs = 250;
/** A shard that failed is asked last for this long, in milliseconds. */
const suspectMs = 2_000;

export function createShards({ bus, clock, timeoutMs, shards = eventShards }: ShardsOptions): Shards {
  const suspectUntil = new Map<string, number>();
  let turn = 0;
  const isSuspect = ({ stream }: Shard): boolean => (suspectUntil.get(stream) ?? 0) > clock.now();
  return {
    publish: async (message) => {
      const order = orderOf(shards, turn++, isSuspect);
      const endMs = clock.now() + timeoutMs;
      const failures: unknown[] = [];
      for (const [at, shard] of order.entries()) {
        const leftMs = Math.max(endMs - clock.now(), 1);
        const isLast = at === order.length - 1;
        try {
          const options = { ...message, timeoutMs: isLast ? leftMs : Math.min(patienceMs, leftMs) };
          const { isDuplicate } = await bus.publish(subjectOn(shard, message.subject), message.data, options);
          suspectUntil.delete(shard.stream);
          return isDuplicate;
        } catch (error) {
          suspectUntil.set(shard.stream, clock.now() + suspectMs);
          failures.push(error);
        }
      }
      throw failureOf(failures);
    },
  };
}

/** Sound shards in turn, then those that failed a moment ago. */
export function orderOf(shards: readonly Shard[], turn: number, isSuspect: (shard: Shard) => boolean): Shard[] {
  const from = turn % shards.length;
  const turned = [...shards.slice(from), ...shards.slice(0, from)];
  return [...turned.filter((shard) => !isSuspect(shard)), ...turned.filter(isSuspect)];
}

/** The subject of the first shard, as it is called on another. */
export function subjectOn({ prefix }: Shard, subject: string): string {
  return `${prefix}${subject.slice(firstPrefix.length)}`;
}

/** What the streams of a region hold. */
export function subjectsIn({ prefix }: Shard, region: string): string {
  return `${prefix}.${region}.>`;
}

/** Where events of a set go, on the first shard. None of the names has dots or wildcards. */
export function subjectOf({ project, environment }: Pick<SetRef, 'project' | 'environment'>, region: string): string {
  return `${firstPrefix}.${region}.${project}.${environment}`;
}

/** A message may have come on any shard of any region: where it would go on the first shard of this one. */
export function subjectHere(subject: string, region: string): string {
  const [environment = '', project = ''] = subject.split('.').reverse();
  return subjectOf({ project, environment }, region);
}

const isFull = (error: unknown): boolean => error instanceof SluiceError && error.kind === 'exhausted';

/** Full only when every shard is: one that merely does not answer may have room. */
function failureOf(failures: readonly unknown[]): unknown {
  if (failures.length > 0 && failures.every(isFull)) return failures[0];
  return failures.find((error) => !isFull(error)) ?? unavailable('The event log has no shards.');
}
