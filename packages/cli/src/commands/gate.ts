import type { Command } from 'commander';
import type { Host } from '../host.js';
import { addGateSet } from './gate-set.js';
import { addGateShow } from './gate-show.js';

export function addGate(parent: Command, host: Host): void {
  const group = parent.command('gate').description('look at one gate, or change it');
  addGateShow(group, host);
  addGateSet(group, host);
}
