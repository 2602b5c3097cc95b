import type { Release } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';

/** One encoded frame, as the bus delivers it. */
export interface FrameMessage {
  /** `ruleset.v1.<project>.<environment>`. */
  readonly subject: string;
  readonly data: Uint8Array;
  /** W3C traceparent of the change. */
  readonly traceparent: string | undefined;
}

/** Where frames come from: `@sluice/bus` has this shape, and this room need not know it. */
export interface FrameSource {
  isConnected(): boolean;
  /**
   * Delivers what the stream holds, then what comes, in order. After a reconnect it calls
   * `onReset` and starts anew.
   */
  follow(
    options: { readonly stream: string; readonly subjects: string; readonly deliver: 'last_per_subject' | 'all' },
    onMessage: (message: FrameMessage) => void,
    onReset: () => void,
  ): Release;
}

export const rulesetStream = 'RULESETS';
export const rulesetSubjects = 'ruleset.v1.>';

export function subjectOf({ project, environment }: SetRef): string {
  return `ruleset.v1.${project}.${environment}`;
}
