/** The spool of this instance, which takes messages while the log does not answer. */
export { openSpool, type Spool, type SpoolOptions, type SpoolRecord, type SpoolState } from '@sluice/spool';
