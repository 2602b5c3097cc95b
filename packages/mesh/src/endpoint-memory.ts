import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Everywhere } from './watch-regions.js';

const instance = z.object({ id: z.string(), address: z.string(), region: z.string() });
const remembered = z.object({ home: z.array(instance), away: z.array(instance) });

/** More than any mesh has; the file stays small. */
const instancesMax = 1_000;

/** Endpoints of a service on disk, for a start without Consul. Best effort: what can't be kept or read is not there. */
export class EndpointMemory {
  readonly #file: string;
  #last = '';

  /** `directory` is made when there is something to keep. */
  constructor(directory: string, service: string) {
    this.#file = join(directory, `${service.replaceAll(/[^a-z0-9-]/g, '_')}.json`);
  }

  read(): Everywhere | undefined {
    try {
      return remembered.parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch {
      return undefined;
    }
  }

  /** A few hundred bytes, and only when they changed: written at once. */
  write({ home, away }: Everywhere): void {
    const text = JSON.stringify({ home: home.slice(0, instancesMax), away: away.slice(0, instancesMax) });
    if (text === this.#last) return;
    // A name of its own: several processes may share the folder.
    const draft = `${this.#file}.${randomUUID()}.new`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(draft, text);
      renameSync(draft, this.#file);
      this.#last = text;
    } catch {
      // A full or read-only disk takes nothing from discovery but a start without Consul.
      if (existsSync(draft)) rmSync(draft, { force: true });
    }
  }
}
