import { planPorts, type WantedPort } from './port-plan.js';
import { hostOfNode, planRegions } from './regions.js';
import type { StackSettings } from './settings.js';
import { tracesName } from './traces-process.js';

/** Every port that a stack listens on, on each of its hosts. */
export function wantedPorts({ basePort, isTraced, regions, natsNodes }: StackSettings): WantedPort[] {
  const ports = Object.entries(planPorts(basePort)).map(([name, port]) => ({ name: ownerOf(name), port }));
  const ofRegion = ports.filter(({ name }) => isTraced || name !== tracesName);
  const ofNode = ports.filter(({ name }) => name === 'nats');
  return planRegions(regions).flatMap((region) =>
    Array.from({ length: natsNodes }, (_, node) =>
      (node === 0 ? ofRegion : ofNode).map((port) => ({ ...port, host: hostOfNode(region, node) })),
    ).flat(),
  );
}

/** `consulHttp` is wanted by consul, `evaluation2` by evaluation. */
const ownerOf = (portName: string): string => portName.replace(/[A-Z0-9].*$/, '');
