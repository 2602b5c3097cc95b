/** What a backend service installs: decisions in process, exposures and events sent, nothing that can throw or block. */
export type {
  AskedKind,
  InitializeFormat,
  InitializeOptions,
  JsonValue,
  StickyValue,
  User,
  UserValue,
} from '@sluice/engine';
export { SluiceError } from '@sluice/mesh';
export type {
  AllAnswers,
  Answer,
  AskOptions,
  ConfigAnswer,
  ErrorCode,
  GateAnswer,
  Getter,
  LayerAnswer,
  ParameterStoreAnswer,
  ReasonWord,
  Widened,
} from './answer.js';
export type { DropReason, SourceBooks } from './books.js';
export type { ChangeListener, HopTimes, RulesetChange } from './change-listeners.js';
export type { ClientResponse, Patience, Place, Reply, SluiceClient, Status } from './client.js';
export type { RemoteAskOptions } from './evaluator.js';
export type { Source } from './held.js';
export type { ConnectionOptions, SluiceOptions } from './options.js';
export type { Overrides } from './overrides.js';
export type { EventDetails } from './pending-event.js';
export type { Carrier, Pin } from './pin.js';
export { RemoteSluice, type RemoteSluiceOptions } from './remote-sluice.js';
export { Sluice } from './sluice.js';
export type { StickyAskOptions, StickyStorage, StickyValues } from './sticky.js';
