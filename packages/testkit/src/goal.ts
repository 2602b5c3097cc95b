/** What a goal may take in `make test`, where other rooms share the cores. */
const patience = 5;

/**
 * How long something with a goal in time may take, in milliseconds: as stated when goals are judged
 * (`make drill goals`), and longer elsewhere, where only what never happens shall fail.
 */
export function goal(ms: number): number {
  return process.env.SLUICE_GOALS === 'strict' ? ms : patience * ms;
}
