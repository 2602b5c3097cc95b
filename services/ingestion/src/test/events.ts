/** Events for tests: whole ones, changed where a test wants it. */
import { Event, Exposure, ExposureKind, User } from '@sluice/proto';

/** The time that tests happen at. */
export const testNowMs: number = Date.UTC(2026, 10, 22, 12);

/** The UUIDv7 with that serial number, made at that time. */
export function idAt(timeMs: number, serial = 0): string {
  const hex = timeMs.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${serial.toString(16).padStart(12, '0')}`;
}

export function eventOf(part: Partial<Event> = {}): Event {
  const timeMs = testNowMs - 1_000;
  return { ...Event.fromPartial({}), id: idAt(timeMs), timeMs, name: 'purchase', ...part };
}

export function userOf(part: Partial<User>): User {
  return { ...User.fromPartial({}), ...part };
}

export function exposureOf(part: Partial<Exposure> = {}): Exposure {
  const { GATE } = ExposureKind;
  return { ...Exposure.fromPartial({}), kind: GATE, key: 'checkout', idType: 'userID', unitId: 'a-user', ...part };
}
