import type { BenchGate, BenchUser } from '../gates.js';

/** A user in the shape that a peer's own API takes. */
export type PeerUser = unknown;

/** One flag system, ready to answer through its public API. */
export interface Peer {
  readonly name: string;
  readonly version: string;
  /** Makes the peer's own user object: measured where a fresh user per call is the case. */
  toUser(user: BenchUser): PeerUser;
  isOn(gate: string, user: PeerUser): boolean;
  /** Decides every gate of the ruleset; returns how many were decided. */
  evaluateAll(user: PeerUser): number;
  close(): Promise<void>;
}

export type StartPeer = (gates: readonly BenchGate[], options: { logsExposures: boolean }) => Promise<Peer>;
