import { z } from 'zod';
import {
  configShape,
  description,
  eitherWhenOrRules,
  experimentShape,
  gateShape,
  holdoutShape,
  layerShape,
  listShape,
  name,
  ownParameters,
  segmentShape,
  setName,
  storeShape,
} from './shapes.js';
import { strict } from './strict.js';

const segment = strict(segmentShape).superRefine(eitherWhenOrRules);
const gate = strict(gateShape);
const config = strict(configShape);
const experiment = strict({ ...experimentShape, parameters: ownParameters });
const layer = strict(layerShape);
const holdoutGroup = strict(holdoutShape);
const store = strict(storeShape);
const list = strict(listShape);

/** A whole project as its authors write it. */
export const documentSchema = strict({
  project: setName.describe('The project that this document describes'),
  description: description.describe('For people: of the project'),
  segments: z.record(name, segment).default({}).describe('Reusable audiences'),
  gates: z.record(name, gate).default({}).describe('On or off for a unit'),
  configs: z.record(name, config).default({}).describe('JSON for a unit'),
  experiments: z.record(name, experiment).default({}).describe('Experiments with parameters of their own'),
  layers: z.record(name, layer).default({}).describe('Mutually exclusive experiments over shared parameters'),
  holdouts: z.record(name, holdoutGroup).default({}).describe('Units that get no new things, for comparison'),
  stores: z.record(name, store).default({}).describe('Parameters that take their values from other entities'),
  lists: z.record(name, list).default({}).describe('Audiences by id'),
});

export type ProjectDocument = z.output<typeof documentSchema>;
export type SegmentDocument = z.output<typeof segment>;
export type GateDocument = z.output<typeof gate>;
export type ConfigDocument = z.output<typeof config>;
export type ExperimentDocument = z.output<typeof experiment>;
export type LayerDocument = z.output<typeof layer>;
export type HoldoutDocument = z.output<typeof holdoutGroup>;
export type StoreDocument = z.output<typeof store>;
export type ListDocument = z.output<typeof list>;
export type LayerExperimentDocument = LayerDocument['experiments'][string];

/** The JSON Schema of the friendly document, for editors. */
export function authoringJsonSchema(): object {
  return z.toJSONSchema(documentSchema, { io: 'input', target: 'draft-2020-12' });
}
