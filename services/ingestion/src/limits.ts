/** Every limit of an event in one place; sizes in bytes of UTF-8. Keys of indexes stay below PostgreSQL's 2,704 bytes. */

/** Events of one request. */
export const eventsMax = 1_000;
/** An event's name. */
export const nameBytesMax = 128;
/** An event's text value. */
export const stringValueBytesMax = 8 * 1024;
/** An event's metadata, as JSON text. */
export const metadataBytesMax = 16 * 1024;
/** Levels of arrays and objects in JSON, the outermost counted. */
export const jsonLevelsMax = 16;
/** All text of a user together. */
export const userBytesMax = 16 * 1024;
/** Entries of one map of a user: what has more is refused before it is decoded. */
export const entriesMax = 1_000;
/** The id of a unit. */
export const unitIdBytesMax = 512;
/** A unit's id type. */
export const idTypeBytesMax = 128;
/** The name of an entity, rule, group or parameter in an exposure. */
export const entityNameBytesMax = 256;
/** Names of projects and environments: they become a part of the log's subjects, where dots and wildcards must not get. */
export const setNamePattern = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** Names that a set's usage tells apart on one day. */
export const usageNamesMax = 2_000;
/** What usage counts all further names of the day as. */
export const otherName = '(other)';
/** Sources of one project that are known; those that were heard of last. */
export const sourcesMax = 100_000;
/** Ranges that the arrived numbers of one source may lie in. */
export const sourceRangesMax = 1_000;
/** Earliest time of an event: what lies before comes from a clock that was never set, or counts seconds. */
export const earliestTimeMs = Date.UTC(2015, 0, 1);
/** How far after its arrival an event may claim to happen, skew corrected. */
export const futureMaxMs = 60 * 60_000;
/** Largest amount of an event, either way: sums of any number of events that a store can hold stay finite. */
export const numberMax = 1e300;
