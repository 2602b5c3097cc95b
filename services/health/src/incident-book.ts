import type { Incident } from '@sluice/proto';
import { type Fault, faultKey } from './faults.js';

const incidentsKept = 1_000;

/** An incident that began or ended just now. */
export interface IncidentChange {
  readonly incident: Incident;
  readonly what: 'began' | 'ended';
}

/** What went wrong, with beginning and end; also what went on when the process before this one ended. */
export class IncidentBook {
  /** Oldest first. */
  readonly #incidents: Incident[];
  #serial = 0;

  constructor(saved: readonly Incident[] = []) {
    this.#incidents = saved.map((incident) => ({ ...incident, note: '' }));
  }

  /**
   * Compares what is wrong with what goes on: opens, and ends.
   * @param doubtOf - why an incident may go on though no fault is seen; undefined when it is over.
   */
  update(
    faults: readonly Fault[],
    nowMs: number,
    doubtOf: (incident: Incident) => string | undefined = () => undefined,
  ): IncidentChange[] {
    const open = new Map(this.#open().map((incident) => [faultKey(incident), incident]));
    const now = new Set(faults.map(faultKey));
    const changes: IncidentChange[] = [];
    for (const [key, incident] of open) {
      const doubt = now.has(key) ? '' : doubtOf(incident);
      const next = { ...incident, note: doubt ?? '', ...(doubt === undefined && { endedAtMs: nowMs }) };
      this.#incidents[this.#incidents.indexOf(incident)] = next;
      if (doubt === undefined) changes.push({ incident: next, what: 'ended' });
    }
    for (const fault of faults) {
      if (open.has(faultKey(fault))) continue;
      const id = this.#nextId(nowMs);
      const incident: Incident = { id, ...fault, startedAtMs: nowMs, endedAtMs: undefined, note: '' };
      open.set(faultKey(fault), incident);
      this.#incidents.push(incident);
      changes.push({ incident, what: 'began' });
    }
    this.#trim();
    return changes;
  }

  /** Newest first. */
  list(): Incident[] {
    return this.#incidents.toReversed();
  }

  #open(): Incident[] {
    return this.#incidents.filter(({ endedAtMs }) => endedAtMs === undefined);
  }

  /** Grows with time, also over restarts. */
  #nextId(nowMs: number): string {
    this.#serial = (this.#serial + 1) % 1_000;
    return `${nowMs.toString(36)}-${String(this.#serial).padStart(3, '0')}`;
  }

  /** What goes on stays; of the rest the oldest go. */
  #trim(): void {
    for (let at = 0; this.#incidents.length > incidentsKept && at < this.#incidents.length; ) {
      if (this.#incidents[at]?.endedAtMs === undefined) at++;
      else this.#incidents.splice(at, 1);
    }
  }
}
