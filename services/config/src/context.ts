import type { Clock, Pacer, Turnstile } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import type { Acks } from './acks.js';
import type { FrameLog } from './frame-log.js';
import type { Heads } from './heads.js';
import type { Keyring } from './keyring.js';
import type { Snapshots } from './snapshots.js';
import type { UploadSlots } from './upload-slots.js';
import type { Writer } from './writer.js';

/** What handlers work with. */
export interface Context {
  readonly db: Database;
  readonly heads: Heads;
  readonly writer: Writer;
  readonly frames: FrameLog;
  readonly snapshots: Snapshots;
  /** Snapshots for those who watch go out at a steady rate. */
  readonly pacer: Pick<Pacer, 'admit'>;
  /** Those who watch are written to a few at a time. */
  readonly turnstile: Turnstile;
  readonly acks: Acks;
  readonly keyring: Keyring;
  readonly uploads: UploadSlots;
  readonly clock: Clock;
}
