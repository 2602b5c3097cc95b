/** Users with fields, ids, environments, addresses and agents worth comparing. */
import type { Json } from './document.js';
import { makeAddress, makeAgent } from './oddities.js';
import type { Random } from './random.js';
import { makeUserValue, texts } from './values.js';

export const fieldNames: readonly string[] = ['f0', 'F1', 'f2', 'plan'];

export interface UserData {
  userID?: string;
  customIDs?: Record<string, string | number>;
  email?: string;
  ip?: string;
  userAgent?: string;
  country?: string;
  locale?: string;
  appVersion?: string;
  custom?: Record<string, Json>;
  privateAttributes?: Record<string, Json>;
  statsigEnvironment?: Record<string, string>;
}

/** Addresses; none beyond 2^32, which the reference does not survive. */
const addresses: readonly string[] = [
  '8.8.8.8',
  '1.1.1.1',
  '24.18.183.148',
  '115.240.90.163',
  '0.0.0.0',
  '255.255.255.255',
  '127.0.0.1',
  '10.0.0',
  'a.b.c.d',
  '1.2.3.4.5',
  '::1',
  '+1.2.3.4',
  '0.300.0.1',
  '',
];

const agents: readonly string[] = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 13; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/21.0 Chrome/110.0.5481.154 Mobile Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.1 Safari/605.1.15',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
  'MyApp/1 CFNetwork/1408.0.4 Darwin/22.5.0',
  'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0',
  '',
  'curl/8.0',
];

const moreAddresses = ['US', 'us', '', 'IN', 'DE'];

function makeAttributes(random: Random): Record<string, Json> {
  const attributes: Record<string, Json> = {};
  for (const field of [...fieldNames, 'f1', 'F0', 'email', 'country', 'ip', 'user_id', 'os_name', 'toString', '']) {
    if (random.chance(fieldNames.includes(field) ? 0.6 : 0.06)) attributes[field] = makeUserValue(random);
  }
  return attributes;
}

/** One user; most of its parts are there only sometimes. */
export function makeUser(random: Random, index: number): UserData {
  const user: UserData = {};
  if (random.chance(0.93)) user.userID = random.chance(0.8) ? `user-${index}` : random.pick(texts);
  const ids: Record<string, string | number> = {};
  if (random.chance(0.5)) ids.companyID = `company-${random.below(9)}`;
  if (random.chance(0.2)) ids.companyid = `small-${random.below(9)}`;
  if (random.chance(0.2)) ids.stableID = random.chance(0.5) ? random.below(1000) : 'stable';
  if (Object.keys(ids).length > 0 || user.userID === undefined) user.customIDs = ids;
  addFields(random, user);
  if (random.chance(0.9)) user.custom = makeAttributes(random);
  if (random.chance(0.4)) user.privateAttributes = makeAttributes(random);
  if (random.chance(0.2)) user.statsigEnvironment = random.pick([{ tier: 'staging' }, { TIER: 'x' }, { other: 'y' }]);
  return user;
}

function addFields(random: Random, user: UserData): void {
  if (random.chance(0.4)) user.email = random.pick(['x@y.com', 'X@STATSIG.com', '', 'a@statsig.com']);
  if (random.chance(0.5)) user.ip = random.chance(0.3) ? random.pick(addresses) : makeAddress(random);
  if (random.chance(0.5)) user.userAgent = random.chance(0.3) ? random.pick(agents) : makeAgent(random);
  if (random.chance(0.3)) user.country = random.pick(moreAddresses);
  if (random.chance(0.2)) user.locale = random.pick(['en_US', 'de', '']);
  if (random.chance(0.3)) user.appVersion = random.pick(['1.2.3', '2.0', '10.0.1-rc', '']);
}
