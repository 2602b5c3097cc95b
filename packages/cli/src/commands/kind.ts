import type { Command } from 'commander';
import type { Host } from '../host.js';
import { kinds } from '../kinds.js';
import { addGateSet } from './gate-set.js';
import { addKindArchive } from './kind-archive.js';
import { addKindList } from './kind-list.js';
import { addKindShow } from './kind-show.js';
import { addKindWrite } from './kind-write.js';
import { addListUpload } from './list-upload.js';

/** One group of commands for each kind of thing that people write. */
export function addKinds(parent: Command, host: Host): void {
  for (const kind of kinds) {
    const group = parent
      .command(kind.word)
      .description(`make, change and archive ${kind.about.replace(/:.*/, 's').replace(/^an? /, '')}`);
    addKindWrite(group, host, kind);
    addKindList(group, host, kind);
    addKindArchive(group, host, kind);
    if (kind.word === 'list') addListUpload(group, host);
    else addKindShow(group, host, kind);
    if (kind.word === 'gate') addGateSet(group, host);
  }
}
