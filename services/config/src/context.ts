import type { Clock } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import type { Acks } from './acks.js';
import type { FrameLog } from './frame-log.js';
import type { Heads } from './heads.js';
import type { Keyring } from './keyring.js';
import type { UploadSlots } from './upload-slots.js';
import type { Writer } from './writer.js';

/** What handlers work with. */
export interface Context {
  readonly db: Database;
  readonly heads: Heads;
  readonly writer: Writer;
  readonly frames: FrameLog;
  readonly acks: Acks;
  readonly keyring: Keyring;
  readonly uploads: UploadSlots;
  readonly clock: Clock;
}
