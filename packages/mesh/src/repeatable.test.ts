import assert from 'node:assert/strict';
import * as wire from '@sluice/proto';
import { isRepeatable } from './repeatable.js';

/** Writes: whoever makes a method that may not be done twice puts it here. */
const writes = [
  ...['ArchiveEntity', 'ArchiveEnvironment', 'ArchiveKey', 'ArchiveProject'],
  ...['CreateEnvironment', 'CreateKey', 'CreateProject', 'DeleteOverride', 'DropDeadLetter', 'ImportRuleset'],
  ...['PutOverride', 'RestoreEntity', 'RestoreEnvironment', 'RestoreKey', 'RestoreProject', 'RetryDeadLetter'],
  ...['Rollback', 'StreamEvents', 'UpdateEnvironment', 'UpdateGate', 'UpdateKey', 'UpdateProject'],
  ...['UploadIdList', 'WriteEntities'],
];

/** Reads, and `LogEvents`, whose events carry ids. */
const reads = [
  ...['Check', 'DescribeIdList', 'DiffRevisions', 'Evaluate', 'EvaluateAll', 'EvaluateStream', 'Explain'],
  'InitializeClient',
  ...['GetBooks', 'GetDeadLetter', 'GetEntity', 'GetEnvironment', 'GetEvents', 'GetExposures', 'GetIncidents'],
  ...['GetInstance', 'GetKey', 'GetMesh', 'GetProject', 'GetRuleset', 'GetSlo', 'GetUsage'],
  ...['ListAudit', 'ListDeadLetters', 'ListEntities', 'ListEnvironments', 'ListKeys', 'ListOverrides'],
  ...['ListProjects', 'ListRevisions', 'ListSets', 'LogEvents', 'TailEvents', 'VerifyAudit', 'WaitForRevision'],
  ...['Watch', 'WatchMesh', 'WatchRuleset'],
];

/** The methods of every service that the mesh speaks, foreign ones included. */
function methodsOfAll(): string[] {
  const services = Object.entries(wire).filter(([name]) => name.endsWith('Service'));
  const paths = services.flatMap(([, definition]) =>
    Object.values(definition as Readonly<Record<string, { readonly path: string }>>).map(({ path }) => path),
  );
  return [...new Set(paths.map((path) => path.slice(path.lastIndexOf('/') + 1)))].sort();
}

describe('isRepeatable', () => {
  it('is decided for every method, on purpose', () => {
    assert.deepEqual(methodsOfAll(), [...reads, ...writes].sort());
  });

  it('says yes to what reads or carries ids, and no to what writes', () => {
    assert.deepEqual(
      reads.filter((name) => !isRepeatable(name)),
      [],
    );
    assert.deepEqual(writes.filter(isRepeatable), []);
  });
});
