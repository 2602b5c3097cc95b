import type { Release } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';

/** One encoded frame, as the bus delivers it. */
export interface FrameMessage {
  /** `ruleset.v1.<project>.<environment>`. */
  readonly subject: string;
  readonly data: Uint8Array;
  /** W3C traceparent of the change. */
  readonly traceparent: string | undefined;
  /** When the bus took it, Unix milliseconds with fractions; absent when the bus does not say. */
  readonly publishedAtMs?: number | undefined;
}

/** Where frames come from: `@sluice/bus` has this shape, and this room need not know it. */
export interface FrameSource {
  isConnected(): boolean;
  /**
   * Delivers what the stream holds, then what comes, in order. After a reconnect it calls
   * `onReset` and starts anew.
   */
  follow(
    options: {
      readonly stream: string;
      readonly subjects: string;
      readonly deliver: 'last_per_subject' | 'all';
      /** What comes may come twice, or seconds late when it was not heard: gaps are seen here. */
      readonly isLive?: boolean;
    },
    onMessage: (message: FrameMessage) => void,
    onReset: () => void,
  ): Release;
  /** What is said on a subject from now on. A source without it has no watchdog. */
  subscribe?(subject: string, onMessage: (message: { readonly data: Uint8Array }) => void): Release;
}

/** Where config gives its signs of life. */
export const pulseSubject = 'pulse.v1.config';

export const rulesetStream = 'RULESETS';
export const rulesetSubjects = 'ruleset.v1.>';

export function subjectOf({ project, environment }: SetRef): string {
  return `ruleset.v1.${project}.${environment}`;
}
