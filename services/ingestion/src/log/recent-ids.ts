/**
 * The ids that the log took last, so that a retry that arrives soon is told so. Only an
 * optimisation: what it forgets, or another instance took, the writer's key removes. What it says it
 * has, it has: ids are compared whole.
 */
export interface RecentIds {
  has(project: string, id: string): boolean;
  add(project: string, id: string): void;
}

/** Of an id 128 bits, and the number of its project. */
const slotWords = 5;
const idWords = 4;
/** Numbers of projects start anew here. */
const projectsMax = 10_000;

/**
 * Remembers about as many as there are slots, a power of two; a new id takes the place of an older one.
 * Ids are UUIDs in lower case. They lie in one table of numbers: as texts in a set, looking them up cost
 * more than everything else that is asked of an event (measured with `make bench`, part ingestion).
 */
export function createRecentIds(slots: number): RecentIds {
  const table = new Uint32Array(slots * slotWords);
  const sought = new Uint32Array(slotWords);
  const projects = new Map<string, number>();

  const numberOf = (project: string): number => {
    const known = projects.get(project);
    if (known !== undefined) return known;
    if (projects.size === projectsMax) {
      projects.clear();
      table.fill(0);
    }
    // 0 marks a slot that is free.
    projects.set(project, projects.size + 1);
    return projects.size;
  };

  /** Reads what is sought; answers the first of the two slots where it may lie: the younger one. */
  const seek = (project: string, id: string): number => {
    let hash = 0;
    for (let word = 0; word < slotWords; word++) {
      const value = word < idWords ? wordOf(id, word) : numberOf(project);
      sought[word] = value;
      hash = Math.imul(hash ^ value ^ (hash >>> 15), 0x9e37_79b1);
    }
    return (hash ^ (hash >>> 16)) & (slots - 2);
  };

  const isAt = (slot: number): boolean => {
    const from = slot * slotWords;
    for (let word = 0; word < slotWords; word++) if (table[from + word] !== sought[word]) return false;
    return true;
  };

  return {
    has: (project, id) => {
      const slot = seek(project, id);
      return isAt(slot) || isAt(slot + 1);
    },
    add: (project, id) => {
      const slot = seek(project, id);
      const from = slot * slotWords;
      for (let word = 0; word < slotWords; word++) {
        table[from + slotWords + word] = table[from + word] ?? 0;
        table[from + word] = sought[word] ?? 0;
      }
    },
  };
}

/** Where the eight digits of each word stand between the dashes. */
const digitsOf = [
  [0, 1, 2, 3, 4, 5, 6, 7],
  [9, 10, 11, 12, 14, 15, 16, 17],
  [19, 20, 21, 22, 24, 25, 26, 27],
  [28, 29, 30, 31, 32, 33, 34, 35],
] as const;

function wordOf(id: string, word: number): number {
  const places = digitsOf[word] ?? [];
  let value = 0;
  for (let digit = 0; digit < places.length; digit++) {
    const code = id.charCodeAt(places[digit] ?? 0);
    value = (value << 4) | (code < 0x40 ? code & 0xf : code - 0x57);
  }
  return value >>> 0;
}
