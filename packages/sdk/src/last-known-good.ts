import { digestOf } from '@sluice/mesh';
import { type Disk, type FoundState, setKey } from '@sluice/replica';
import { messageOf } from './failed-answer.js';
import type { Settled } from './options.js';

/**
 * The state in a folder that belongs to this client: that of its set, or else the only one that
 * grants its key. Rulesets carry the digests of their keys, so that keys of several sets may share
 * a folder. A folder that can't be read is no reason not to start.
 */
export async function stateOnDisk(disk: Disk, { set, connection, logger }: Settled): Promise<FoundState | undefined> {
  try {
    const found = await disk.load();
    if (set) return found.find(({ state }) => setKey(state.set) === setKey(set));
    const digest = digestOf(connection.key);
    const granting = found.filter(({ state }) => state.grants.has(digest));
    return granting.length === 1 ? granting[0] : undefined;
  } catch (error) {
    logger.error({ reason: messageOf(error) }, 'last-known-good rulesets can not be read; starting without');
    return undefined;
  }
}
