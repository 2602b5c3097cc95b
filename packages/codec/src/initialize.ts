import type { InitializeFormat, InitializeNames, InitializeOptions } from '@sluice/engine';
import { HashAlgorithm, InitializeClientRequest, type KeptNames } from '@sluice/proto';

type Algorithm = NonNullable<InitializeOptions['hashAlgorithm']>;

const algorithms: Readonly<Record<Algorithm, HashAlgorithm>> = {
  djb2: HashAlgorithm.DJB2,
  sha256: HashAlgorithm.SHA256,
  none: HashAlgorithm.NONE,
};

/** Something is asked of a client document that nobody can write. The message starts with the field. */
export class InitializeError extends Error {
  readonly field: string;
  /** What is wrong and what to do, without the field. */
  readonly problem: string;

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.name = 'InitializeError';
    this.field = field;
    this.problem = problem;
  }
}

/** The wire form of what is asked of a client document. Local overrides stay where they are. */
export function initializeToWire(options: InitializeOptions): InitializeClientRequest {
  const { format, hashAlgorithm, clientSdkKey, keep, previousResponseHash, sdkInfo } = options;
  return InitializeClientRequest.fromPartial({
    format: format ?? 0,
    hashAlgorithm: algorithms[hashAlgorithm ?? 'djb2'],
    clientSdkKey,
    isWithoutIdType: options.removeIdType === true,
    isWithoutDefaultGates: options.removeDefaultValueGates === true,
    keptGates: namesToWire(keep?.gates),
    keptConfigs: namesToWire(keep?.configs),
    keptExperiments: namesToWire(keep?.experiments),
    keptLayers: namesToWire(keep?.layers),
    keptParamStores: namesToWire(keep?.paramStores),
    previousResponseHash,
    sdkInfo: { ...sdkInfo },
  });
}

/** @throws InitializeError naming the field that can't be used. */
export function initializeFromWire(request: InitializeClientRequest): InitializeOptions {
  const { clientSdkKey, previousResponseHash } = request;
  return {
    format: formatOf(request.format),
    hashAlgorithm: algorithmOf(request.hashAlgorithm),
    removeIdType: request.isWithoutIdType,
    removeDefaultValueGates: request.isWithoutDefaultGates,
    keep: keptIn(request),
    sdkInfo: request.sdkInfo,
    ...(clientSdkKey !== undefined && { clientSdkKey }),
    ...(previousResponseHash !== undefined && { previousResponseHash }),
  };
}

function formatOf(format: number): InitializeFormat {
  if (format === 0 || format === 1 || format === 2) return format;
  throw new InitializeError('format', `is ${format}; ask for 0, 1 or 2`);
}

function algorithmOf(wire: HashAlgorithm): Algorithm {
  switch (wire) {
    case HashAlgorithm.UNSPECIFIED:
    case HashAlgorithm.DJB2:
      return 'djb2';
    case HashAlgorithm.SHA256:
      return 'sha256';
    case HashAlgorithm.NONE:
      return 'none';
    default:
      throw new InitializeError(
        'hash_algorithm',
        `is ${wire}, which is none that we know; ask for DJB2, SHA256 or NONE`,
      );
  }
}

function keptIn(request: InitializeClientRequest): InitializeNames {
  const { keptGates, keptConfigs, keptExperiments, keptLayers, keptParamStores } = request;
  return {
    ...(keptGates && { gates: new Set(keptGates.names) }),
    ...(keptConfigs && { configs: new Set(keptConfigs.names) }),
    ...(keptExperiments && { experiments: new Set(keptExperiments.names) }),
    ...(keptLayers && { layers: new Set(keptLayers.names) }),
    ...(keptParamStores && { paramStores: new Set(keptParamStores.names) }),
  };
}

function namesToWire(names: ReadonlySet<string> | undefined): KeptNames | undefined {
  return names && { names: [...names] };
}
