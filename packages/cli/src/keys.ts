import { type Key, Kind } from '@sluice/proto';

const kinds: Readonly<Record<string, Kind>> = {
  gate: Kind.GATE,
  config: Kind.CONFIG,
  experiment: Kind.EXPERIMENT,
  layer: Kind.LAYER,
};

/** A name, or `kind/name` where a name is used twice. */
export function parseKey(text: string): Key {
  const slash = text.indexOf('/');
  const kind = kinds[text.slice(0, Math.max(slash, 0))];
  return kind === undefined ? { kind: Kind.UNSPECIFIED, name: text } : { kind, name: text.slice(slash + 1) };
}
