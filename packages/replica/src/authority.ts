import { type ClientOptions, createClient, type Within } from '@sluice/mesh';
import { BinaryReader, RulesetServiceService, type SetRef, type SetState, WireType } from '@sluice/proto';

/** Who can be asked what is newest, and for the whole of it. */
export interface Authority {
  listSets(signal: AbortSignal): Promise<readonly SetState[]>;
  /** The bytes of a snapshot frame; of the newest revision unless one is named. Fails with kind `not_found` when there is none. */
  fetchSnapshot(set: SetRef, within: Within, revision?: number): Promise<Uint8Array>;
  close(): void;
}

/** `target`: such as `consul:///config`. */
export interface AuthorityOptions extends Omit<ClientOptions, 'maxReceiveBytes'> {
  readonly key: string;
}

const listTimeoutMs = 2_000;
const fetchTimeoutMs = 15_000;
const snapshotBytesMax = 512 * 1024 * 1024;

/** Snapshots stay bytes: decoding them here would lose what only a newer version knows. */
const definition = {
  listSets: RulesetServiceService.listSets,
  getRuleset: { ...RulesetServiceService.getRuleset, responseDeserialize: readSnapshotBytes },
};

/** Asks a RulesetService over gRPC. */
export function createAuthority(options: AuthorityOptions): Authority {
  const client = createClient(definition, { ...options, maxReceiveBytes: snapshotBytesMax });
  return {
    listSets: async (signal) => (await client.listSets({}, { timeoutMs: listTimeoutMs, signal })).sets,
    fetchSnapshot: (set, within, revision = 0) =>
      client.getRuleset({ set, revision }, { timeoutMs: fetchTimeoutMs, within }),
    close: () => client.close(),
  };
}

const frameField = 1;

/** The frame inside a GetRulesetResponse, undecoded. */
function readSnapshotBytes(response: Uint8Array): Uint8Array {
  const reader = new BinaryReader(response);
  let frame: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === frameField && wireType === WireType.LengthDelimited) frame = reader.bytes();
    else reader.skip(wireType, field);
  }
  return frame;
}
