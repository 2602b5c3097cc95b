import type { User } from '@sluice/engine';
import { currentTraceparent } from '@sluice/mesh';
import { Event, type Exposure } from '@sluice/proto';
import { v7 } from 'uuid';
import { type Attributes, copyUser, jsonOf, wireUser } from './wire-user.js';

/** What may be said about an event. */
export interface EventDetails {
  /** An amount or a label. */
  readonly value?: number | string | undefined;
  /** Anything that is JSON. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** An event that waits: as little as must be kept from the moment it happened. */
export interface PendingEvent {
  readonly timeMs: number;
  readonly name: string;
  readonly user: User;
  readonly value: number | string | undefined;
  readonly metadataJson: string;
  readonly exposure: Exposure | undefined;
  readonly traceparent: string;
  /** About what it holds in memory. */
  readonly bytes: number;
}

/** An event with its size on the wire, in bytes. */
export interface SizedEvent {
  readonly event: Event;
  readonly bytes: number;
}

/** Most of what an event without metadata holds, in bytes. */
const usualBytes = 512;

export function pendingExposure(exposure: Exposure, user: User): PendingEvent {
  return { ...pending('exposure', user), exposure, bytes: usualBytes };
}

export function pendingEvent(name: string, user: User, { value, metadata }: EventDetails): PendingEvent {
  const metadataJson = metadata === undefined ? '' : (jsonOf(metadata) ?? '');
  const label = typeof value === 'string' ? value : '';
  const bytes = usualBytes + 3 * (name.length + metadataJson.length + label.length);
  return { ...pending(name, user), value, metadataJson, bytes };
}

function pending(name: string, user: User): PendingEvent {
  return {
    timeMs: Date.now(),
    name,
    user: copyUser(user),
    value: undefined,
    metadataJson: '',
    exposure: undefined,
    traceparent: currentTraceparent() ?? '',
    bytes: 0,
  };
}

/** The event as it goes out, with an id that retries keep. */
export function eventOf(pending: PendingEvent, globals?: Attributes): SizedEvent {
  const { timeMs, name, user, value, metadataJson, exposure, traceparent } = pending;
  const event: Event = {
    id: v7({ msecs: timeMs }),
    timeMs,
    name,
    user: wireUser(user, { withPrivate: false, globals }),
    value: amountOf(value),
    metadataJson,
    exposure,
    traceparent,
  };
  return { event, bytes: Event.encode(event).finish().length };
}

function amountOf(value: unknown): Event['value'] {
  if (typeof value === 'number') return { $case: 'numberValue', value };
  return typeof value === 'string' ? { $case: 'stringValue', value } : undefined;
}
