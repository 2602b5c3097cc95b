/** What a user agent text says about system and browser: the answers of the reference's own parser. */
import { readTokens, type Scan, type Tag } from './user-agent-tokens.js';

export interface UserAgent {
  readonly osName: string;
  readonly osVersion: string;
  readonly browserName: string;
  readonly browserVersion: string;
}

/** Longer texts are not looked at. */
const lengthMaxBytes = 1000;

let lastText: string | undefined;
let lastAgent: UserAgent | undefined;

/** Parses a user agent; undefined when it is too long. Remembers the last one. */
export function parseUserAgent(text: string): UserAgent | undefined {
  if (text !== lastText) {
    lastAgent = utf8Length(text) > lengthMaxBytes ? undefined : describe(readTokens(text));
    lastText = text;
  }
  return lastAgent;
}

function utf8Length(text: string): number {
  if (text.length > lengthMaxBytes) return text.length;
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

function describe(scan: Scan): UserAgent {
  const os = osOf(scan);
  const browser = browserOf(scan);
  return {
    osName: os.name,
    osVersion: versionText(os),
    browserName: browser.name,
    browserVersion: versionText(browser),
  };
}

const windowsVersions: Readonly<Record<string, string>> = {
  '5.1': 'XP',
  '5.2': 'XP',
  '6.0': 'Vista',
  '6.1': '7',
  '6.3': '8.1',
  '10.0': '10',
};

const shortVersions: ReadonlySet<string> = new Set(['Yandex Browser', 'Opera', 'Opera Mobile', 'NetFront NX']);

function versionText({ name, version }: Tag): string {
  if (version === undefined) return '0.0.0';
  if (name === 'Windows') return windowsVersions[version] ?? '0.0.0';
  const pieces = version.split(/[_,.]/);
  if (pieces.at(-1) === '') pieces.pop();
  const kept = pieces.slice(0, shortVersions.has(name) ? 3 : 4);
  const second = kept[1];
  if (second !== undefined) kept[1] = second.replace(/[^0-9].*$/s, '');
  return kept.join('.');
}

function osOf(scan: Scan): Tag {
  if (scan.osHint !== undefined) return scan.osHint;
  for (const tag of scan.tags) {
    const os = osOfTag(tag, scan);
    if (os !== undefined) return os;
  }
  if (scan.flags.has('ios')) return { name: 'iOS' };
  if (scan.flags.has('mac')) return { name: 'Mac OS X' };
  if (scan.flags.has('windows')) return { name: 'Windows' };
  return { name: scan.flags.has('linux') ? 'Linux' : 'Other' };
}

function osOfTag(tag: Tag, { flags }: Scan): Tag | undefined {
  switch (tag.name) {
    case 'ATV OS X':
    case 'Chromecast':
    case 'Red Hat':
      return { name: tag.name };
    case 'iPhone OS':
    case 'iOS':
      return { ...tag, name: 'iOS' };
    case 'CPU OS':
      return flags.has('ios') ? { ...tag, name: 'iOS' } : undefined;
    case 'Version':
      return flags.has('ios') && flags.has('mac') ? { ...tag, name: 'iOS' } : undefined;
    case 'Android':
    case 'Kindle':
    case 'Ubuntu':
      return tag;
    default:
      return tag.name.startsWith('Android') ? { name: 'Android' } : undefined;
  }
}

function browserOf(scan: Scan): Tag {
  if (scan.browserHint !== undefined) return scan.browserHint;
  let android: Tag | undefined;
  let version: Tag | undefined;
  let chrome: Tag | undefined;
  for (const tag of scan.tags) {
    const browser = browserOfTag(tag, scan);
    if (browser !== undefined) return browser;
    if (tag.name === 'Android') android = tag;
    if (tag.name === 'Version') version = tag;
    if (tag.name === 'Chrome') chrome = tag;
  }
  if (chrome !== undefined) return chromeOf(chrome, version, android, scan);
  if (android !== undefined) return android;
  return lastResort(scan, version);
}

function browserOfTag(tag: Tag, { flags }: Scan): Tag | undefined {
  const named = (name: string): Tag => ({ ...tag, name });
  switch (tag.name) {
    case 'Firefox':
      return flags.has('mobile') ? named('Firefox Mobile') : tag;
    case 'Yahoo! Slurp':
      return { name: tag.name };
    case 'Silk':
      return flags.has('playstation') ? { name: 'NetFront NX' } : named('Amazon Silk');
    case 'NetFront NX':
    case 'axios':
    case 'HeadlessChrome':
      return tag;
    case 'YaBrowser':
      return named('Yandex Browser');
    case 'Edge':
      return flags.has('mobile') ? named('Edge Mobile') : tag;
    case 'Opera':
      return flags.has('mobile') ? named('Opera Mobile') : tag;
    default:
      return undefined;
  }
}

function chromeOf(chrome: Tag, version: Tag | undefined, android: Tag | undefined, { flags }: Scan): Tag {
  if (version !== undefined) return { ...chrome, name: 'Chrome Mobile WebView' };
  const hasVersion = chrome.version !== undefined;
  if (flags.has('mobile') && hasVersion && !flags.has('huawei')) return { ...chrome, name: 'Chrome Mobile' };
  if (!hasVersion && android !== undefined) return android;
  return chrome;
}

function lastResort({ flags, tags }: Scan, version: Tag | undefined): Tag {
  const first = tags[0];
  if (flags.has('cfnetwork') && first !== undefined) {
    if (first.name !== 'NetworkingExtension') return first;
    return { name: 'CFNetwork', version: tags[1]?.version };
  }
  if (flags.has('safari')) {
    const isMobile = flags.has('mobile') && !flags.has('mac');
    return { name: isMobile ? 'Mobile Safari' : 'Safari', version: version?.version };
  }
  if (flags.has('ios')) return { name: 'Mobile Safari UI/WKWebView' };
  return { name: flags.has('crawler') ? 'crawler' : 'Other' };
}
