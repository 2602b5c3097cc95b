/**
 * Where a condition's value comes from. Sources are shared by all conditions that read the same thing,
 * and remember the last call that asked, so that a user's field is looked up once per call.
 */
import { bucket } from './bucket.js';
import { type Call, noStamp } from './call.js';
import { BareInteger, textOf } from './coerce.js';
import { countryOf } from './country-of.js';
import { type Field, fieldNamed, readField } from './fields.js';
import { noCells, type RecentTexts } from './recent-texts.js';
import { EncodedText, HashPrefix } from './sha256.js';
import type { User } from './user.js';
import { parseUserAgent, type UserAgent } from './user-agent.js';

/** Reads the value that a condition compares. */
export interface Source {
  read(call: Call): unknown;
}

/** A source that keeps what pure tests of its latest texts said. */
export interface RecallingSource extends Source {
  /** A new place for the outcomes of one test. */
  takeColumn(): number;
  /** Whether a test holds for the user's value; of a text that came by lately it is known. */
  passes(call: Call, column: number, test: (value: unknown) => boolean): boolean;
}

/** A user attribute by name, with the outcomes that its latest texts had. */
export class FieldSource implements RecallingSource {
  readonly #field: Field;
  readonly #recent: RecentTexts;
  /** Stamp of the call that asked last. */
  #asked = noStamp;
  #value: unknown;
  #row = -1;
  /** The cells that the row lies in: others take their place when there are more columns. */
  #cells = noCells;

  constructor(field: string, recent: RecentTexts) {
    this.#field = fieldNamed(field);
    this.#recent = recent;
  }

  read(call: Call): unknown {
    if (this.#asked !== call.stamp) this.#look(call);
    return this.#value;
  }

  #look(call: Call): void {
    const value = readField(this.#field, call);
    this.#value = value;
    this.#row = typeof value === 'string' ? this.#recent.rowOf(value) : -1;
    this.#cells = this.#recent.cells;
    this.#asked = call.stamp;
  }

  takeColumn(): number {
    this.#asked = noStamp;
    return this.#recent.takeColumn();
  }

  passes(call: Call, column: number, test: (value: unknown) => boolean): boolean {
    if (this.#asked !== call.stamp) this.#look(call);
    if (this.#row < 0) return test(this.#value);
    const known = this.#cells[this.#row + column];
    return known === 0 ? learn(this.#cells, this.#row + column, test(this.#value)) : known === holding;
  }
}

const holding = 2;

function learn(cells: Uint16Array, cell: number, outcome: boolean): boolean {
  cells[cell] = outcome ? holding : 1;
  return outcome;
}

/** The unit id of an id type: `userID`, or a custom id by its exact or lower-cased name. */
export class UnitSource implements RecallingSource {
  readonly #isUser: boolean;
  readonly #idType: string;
  readonly #lowered: string;
  readonly #encoded = new EncodedText();
  #encodedText = '';
  readonly #recent: RecentTexts;
  /** Stamp of the call that asked last. */
  #asked = noStamp;
  #value: unknown;
  #text = '';
  #row = -1;
  #cells = noCells;

  constructor(idType: string, recent: RecentTexts) {
    this.#recent = recent;
    this.#idType = idType;
    this.#lowered = idType.toLowerCase();
    this.#isUser = this.#lowered === 'userid';
  }

  read(call: Call): unknown {
    return this.readFrom(call.user);
  }

  readFrom(user: User): unknown {
    return this.#isUser ? user.userID : this.#readCustom(user);
  }

  #readCustom(user: User): unknown {
    const ids = user.customIDs;
    if (ids === undefined || ids === null) return undefined;
    if (Object.hasOwn(ids, this.#idType)) return ids[this.#idType];
    return Object.hasOwn(ids, this.#lowered) ? ids[this.#lowered] : undefined;
  }

  /** The id as text, empty when missing. */
  text(call: Call): string {
    if (this.#asked !== call.stamp) this.#look(call);
    return this.#text;
  }

  #look(call: Call): void {
    const value = this.read(call);
    const text = typeof value === 'string' ? value : (textOf(value) ?? '');
    this.#value = value;
    this.#text = text;
    this.#row = this.#recent.rowOf(text);
    this.#cells = this.#recent.cells;
    this.#asked = call.stamp;
  }

  takeColumn(): number {
    this.#asked = noStamp;
    return this.#recent.takeColumn();
  }

  passes(call: Call, column: number, test: (value: unknown) => boolean): boolean {
    if (this.#asked !== call.stamp) this.#look(call);
    // Numbers share the row of their text, but are not always tested like it.
    if (this.#row < 0 || typeof this.#value !== 'string') return test(this.#value);
    const known = this.#cells[this.#row + column];
    return known === 0 ? learn(this.#cells, this.#row + column, test(this.#value)) : known === holding;
  }

  /** The unit's bucket, worked out where it is not known from lately. */
  bucket(call: Call, column: number, work: (unit: EncodedText) => number): number {
    const text = this.text(call);
    const cells = this.#cells;
    const cell = this.#row + column;
    if (this.#row >= 0) {
      const known = cells[cell] as number;
      if (known !== 0) return known - 1;
    }
    const found = work(this.encode(text));
    if (this.#row >= 0) cells[cell] = found + 1;
    return found;
  }

  /** An id as UTF-8, written once for as long as the unit stays the same. */
  encode(text: string): EncodedText {
    if (text !== this.#encodedText) {
      this.#encoded.write(text);
      this.#encodedText = text;
    }
    return this.#encoded;
  }
}

/** The unit's bucket, of 1,000, under a salt. */
export class BucketSource implements Source {
  readonly #bucket: UnitBucket;

  constructor(salt: string, unit: UnitSource) {
    this.#bucket = new UnitBucket(`${salt}.`, unit, 1000);
  }

  read(call: Call): unknown {
    return this.#bucket.read(call);
  }
}

/** The bucket of a unit behind a hash prefix, which is digested on first use. */
export class UnitBucket {
  readonly #unit: UnitSource;
  readonly #column: number;
  readonly #work: (unit: EncodedText) => number;

  constructor(prefix: string, unit: UnitSource, modulus: number) {
    let digested: HashPrefix | undefined;
    this.#unit = unit;
    this.#column = unit.takeColumn();
    this.#work = (encoded) => {
      digested ??= new HashPrefix(prefix);
      return bucket(digested, encoded, modulus);
    };
  }

  read(call: Call): number {
    return this.#unit.bucket(call, this.#column, this.#work);
  }
}

/** An attribute of the environment: the user's own, then the evaluator's, then the ruleset's default. */
export class EnvironmentSource implements Source {
  readonly #field: string;
  readonly #lowered: string;

  constructor(field: string) {
    this.#field = field;
    this.#lowered = field.toLowerCase();
  }

  read(call: Call): unknown {
    const own = call.user.statsigEnvironment;
    if (own !== undefined && own !== null && Object.hasOwn(own, this.#field)) {
      const value = own[this.#field];
      if (value !== undefined && value !== null) return value;
    }
    const shared = call.context.environment;
    if (shared === undefined) {
      const tier = call.program.ruleset.defaultEnvironment;
      return this.#field === 'tier' || this.#lowered === 'tier' ? tier : undefined;
    }
    if (Object.hasOwn(shared, this.#field)) return shared[this.#field];
    return Object.hasOwn(shared, this.#lowered) ? shared[this.#lowered] : undefined;
  }
}

/** A field of the parsed user agent, where the user has no attribute of that name. */
export class UserAgentSource implements Source {
  readonly #field: Source;
  readonly #agentText: Source;
  readonly #part: ((agent: UserAgent) => string | undefined) | undefined;
  /** Stamp of the call that asked last. */
  #asked = noStamp;
  #value: unknown;

  constructor(field: string, fieldSource: Source, agentText: Source) {
    this.#field = fieldSource;
    this.#agentText = agentText;
    this.#part = agentParts[field.toLowerCase().replace('_', '')];
  }

  read(call: Call): unknown {
    if (this.#asked !== call.stamp) {
      this.#value = this.#lookUp(call);
      this.#asked = call.stamp;
    }
    return this.#value;
  }

  #lookUp(call: Call): unknown {
    const value = this.#field.read(call);
    if (value !== undefined || this.#part === undefined) return value;
    const text = textOf(this.#agentText.read(call));
    if (text === undefined) return undefined;
    const agent = parseUserAgent(text);
    return agent && this.#part(agent);
  }
}

const agentParts: Readonly<Record<string, (agent: UserAgent) => string | undefined>> = {
  osname: (agent) => agent.osName,
  osversion: (agent) => agent.osVersion,
  browsername: (agent) => agent.browserName,
  browserversion: (agent) => agent.browserVersion,
};

/** The country of the user's address, where the user has no attribute of that name. */
export class CountrySource implements Source {
  readonly #field: Source;
  readonly #address: Source;
  readonly #isCountry: boolean;

  constructor(field: string, fieldSource: Source, address: Source) {
    this.#field = fieldSource;
    this.#address = address;
    this.#isCountry = field === 'country';
  }

  read(call: Call): unknown {
    const value = this.#field.read(call);
    if (value !== undefined || !this.#isCountry) return value;
    return countryOf(textOf(this.#address.read(call)), call);
  }
}

/** Milliseconds; an integer and nothing else, so that `gt` and `any` do not hold for it. */
export const timeSource: Source = {
  read: (call) => new BareInteger(call.context.now),
};
