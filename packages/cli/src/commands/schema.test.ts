import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { authoringJsonSchema } from '@sluice/codec';
import { kinds } from '../kinds.js';

describe('docs/schema/sluice.schema.json', () => {
  it('is what `sluice schema` prints', () => {
    const copy = JSON.parse(
      readFileSync(new URL('../../../../docs/schema/sluice.schema.json', import.meta.url), 'utf8'),
    );
    const remedy = 'run `npx sluice schema > docs/schema/sluice.schema.json && npx biome format --write docs/schema`';
    assert.deepEqual(copy, JSON.parse(JSON.stringify(authoringJsonSchema())), remedy);
  });

  it('describes every kind of entity that `sluice` has a command for', () => {
    const { properties } = authoringJsonSchema() as { properties: Record<string, unknown> };
    for (const { part } of kinds) assert.ok(properties[part], part);
  });
});
