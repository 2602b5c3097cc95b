/**
 * Where a condition's value comes from. Sources are shared by all conditions that read the same thing,
 * and remember the last evaluation that asked, so that a user's field is looked up once per call.
 */
import { bucket } from './bucket.js';
import { BareInteger, textOf } from './coerce.js';
import { countryOf } from './country-of.js';
import type { Evaluation } from './evaluation.js';
import { readField } from './fields.js';
import { EncodedText, HashPrefix } from './sha256.js';
import type { User } from './user.js';
import { parseUserAgent, type UserAgent } from './user-agent.js';

/** Reads the value that a condition compares. */
export interface Source {
  read(evaluation: Evaluation): unknown;
}

/** A user attribute by name. */
export class FieldSource implements Source {
  readonly #lookUp: (evaluation: Evaluation) => unknown;
  /** Stamp of the evaluation that asked last. */
  #asked = 0;
  #value: unknown;

  constructor(field: string) {
    this.#lookUp = readField(field);
  }

  read(evaluation: Evaluation): unknown {
    if (this.#asked !== evaluation.stamp) {
      this.#value = this.#lookUp(evaluation);
      this.#asked = evaluation.stamp;
    }
    return this.#value;
  }
}

/** The unit id of an id type: `userID`, or a custom id by its exact or lower-cased name. */
export class UnitSource implements Source {
  readonly #isUser: boolean;
  readonly #idType: string;
  readonly #lowered: string;
  readonly #encoded = new EncodedText();
  #text = '';

  constructor(idType: string) {
    this.#idType = idType;
    this.#lowered = idType.toLowerCase();
    this.#isUser = this.#lowered === 'userid';
  }

  read(evaluation: Evaluation): unknown {
    return this.readFrom(evaluation.user);
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
  text(evaluation: Evaluation): string {
    const value = this.read(evaluation);
    return typeof value === 'string' ? value : (textOf(value) ?? '');
  }

  /** An id as UTF-8, written once for as long as the unit stays the same. */
  encode(text: string): EncodedText {
    if (text !== this.#text) {
      this.#encoded.write(text);
      this.#text = text;
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

  read(evaluation: Evaluation): unknown {
    return this.#bucket.read(evaluation);
  }
}

/** The bucket of a unit behind a hash prefix. Remembers the last unit: one is often asked about many times. */
export class UnitBucket {
  readonly #prefix: HashPrefix;
  readonly #unit: UnitSource;
  readonly #modulus: number;
  #text: string | undefined;
  #value = 0;

  constructor(prefix: string, unit: UnitSource, modulus: number) {
    this.#prefix = new HashPrefix(prefix);
    this.#unit = unit;
    this.#modulus = modulus;
  }

  read(evaluation: Evaluation): number {
    const text = this.#unit.text(evaluation);
    if (text !== this.#text) {
      this.#value = bucket(this.#prefix, this.#unit.encode(text), this.#modulus);
      this.#text = text;
    }
    return this.#value;
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

  read(evaluation: Evaluation): unknown {
    const own = evaluation.user.statsigEnvironment;
    if (own !== undefined && own !== null && Object.hasOwn(own, this.#field)) {
      const value = own[this.#field];
      if (value !== undefined && value !== null) return value;
    }
    const shared = evaluation.context.environment;
    if (shared === undefined) {
      const tier = evaluation.program.ruleset.defaultEnvironment;
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
  /** Stamp of the evaluation that asked last. */
  #asked = 0;
  #value: unknown;

  constructor(field: string, fieldSource: Source, agentText: Source) {
    this.#field = fieldSource;
    this.#agentText = agentText;
    this.#part = agentParts[field.toLowerCase().replace('_', '')];
  }

  read(evaluation: Evaluation): unknown {
    if (this.#asked !== evaluation.stamp) {
      this.#value = this.#lookUp(evaluation);
      this.#asked = evaluation.stamp;
    }
    return this.#value;
  }

  #lookUp(evaluation: Evaluation): unknown {
    const value = this.#field.read(evaluation);
    if (value !== undefined || this.#part === undefined) return value;
    const text = textOf(this.#agentText.read(evaluation));
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

  read(evaluation: Evaluation): unknown {
    const value = this.#field.read(evaluation);
    if (value !== undefined || !this.#isCountry) return value;
    return countryOf(textOf(this.#address.read(evaluation)), evaluation);
  }
}

/** Milliseconds; an integer and nothing else, so that `gt` and `any` do not hold for it. */
export const timeSource: Source = {
  read: (evaluation) => new BareInteger(evaluation.context.now),
};
