/** Events by chance, for properties. */
import type { Event, Exposure, Value } from '@sluice/proto';
import fc from 'fast-check';
import { eventOf, exposureOf, testNowMs, userOf } from './events.js';

/** Mostly such as are sent, sometimes anything. */
const mostly = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: rare });
const word = fc.stringMatching(/^[a-z_0-9]{1,12}$/);
const anyText = fc.string({ unit: 'binary', maxLength: 600 }).filter((some) => some.isWellFormed());
const anyMap = fc.dictionary(mostly(word, anyText), mostly(word, anyText), { maxKeys: 3 });
const anyValue = fc.oneof(
  word.map((value): Value => ({ kind: { $case: 'stringValue', value } })),
  fc.double().map((value): Value => ({ kind: { $case: 'numberValue', value } })),
  fc.boolean().map((value): Value => ({ kind: { $case: 'boolValue', value } })),
);
const anyUser = fc
  .record({ userId: mostly(word, anyText), customIds: anyMap, country: mostly(word, anyText), environment: anyMap })
  .chain((user) => fc.dictionary(word, anyValue, { maxKeys: 3 }).map((custom) => userOf({ ...user, custom })));
const anyExposure = fc
  .record({ kind: mostly(fc.integer({ min: 1, max: 3 }), fc.integer()), key: mostly(word, anyText), unitId: word })
  .map((some) => exposureOf(some as Partial<Exposure>));
export const anyEvent: fc.Arbitrary<Event> = fc
  .record({
    id: mostly(fc.uuid(), anyText),
    timeMs: mostly(fc.constant(testNowMs), fc.maxSafeInteger()),
    name: mostly(word, anyText),
    user: fc.option(anyUser, { nil: undefined }),
    value: fc.option(
      mostly(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.double()).map(
        (value) => ({ $case: 'numberValue', value }) as const,
      ),
      { nil: undefined },
    ),
    metadataJson: fc.oneof(
      fc.constant(''),
      fc
        .dictionary(word, fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null)))
        .map((value) => JSON.stringify(value)),
      fc.json(),
    ),
    exposure: fc.option(anyExposure, { nil: undefined }),
  })
  .map(eventOf);
