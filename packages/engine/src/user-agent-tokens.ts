/** The words of a user agent text, and what they give away. */

/** A product or system with its version, if it has one. */
export interface Tag {
  readonly name: string;
  readonly version?: string | undefined;
}

export type Flag =
  | 'ios'
  | 'mac'
  | 'windows'
  | 'linux'
  | 'mobile'
  | 'safari'
  | 'playstation'
  | 'huawei'
  | 'cfnetwork'
  | 'crawler'
  | 'bot';

/** Everything found in one text. */
export interface Scan {
  readonly tags: readonly Tag[];
  readonly flags: ReadonlySet<Flag>;
  readonly osHint: Tag | undefined;
  readonly browserHint: Tag | undefined;
}

/** Reads a text from left to right. */
export function readTokens(text: string): Scan {
  const scanner = new Scanner(text.split(/[; ]/));
  scanner.scan();
  return scanner;
}

const trimPattern = /^[();,+_"]+|[();,+_"]+$/g;

function trim(word: string | undefined): string | undefined {
  return word?.replace(trimPattern, '') || undefined;
}

/** At most two bytes: means nothing by itself. */
function isTiny(word: string): boolean {
  return word.length === 1 ? word < '\u0800' : word.length === 2 && word < '\u0080' && word.charCodeAt(1) < 0x80;
}

/** Words that make a browser hint under their own name. */
const ownBrowsers: ReadonlySet<string> = new Set(['YisouSpider', 'ChatGPT-User', 'OAI-SearchBot', 'Electron']);

/** Words that make a browser hint under another name. */
const renamedBrowsers: Readonly<Record<string, string>> = {
  FxiOS: 'Firefox iOS',
  EdgiOS: 'Edge Mobile',
  CriOS: 'Chrome Mobile iOS',
  GSA: 'Google',
  SamsungBrowser: 'Samsung Internet',
  NX: 'NetFront NX',
  IEMobile: 'IE Mobile',
};

const renamedTags: Readonly<Record<string, string>> = { Edg: 'Edge', Edge: 'Edge', OPR: 'Opera' };

const threeWordBots: ReadonlySet<string> = new Set([
  'Better Uptime Bot',
  'Radius Compilance Bot',
  'Uptime Monitoring Bot',
]);

class Scanner implements Scan {
  readonly tags: Tag[] = [];
  readonly flags = new Set<Flag>();
  osHint: Tag | undefined;
  browserHint: Tag | undefined;
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  scan(): void {
    while (this.#at < this.#words.length) {
      const word = trim(this.#words[this.#at]);
      if (word !== undefined) this.#read(word);
      this.#at++;
    }
  }

  #read(word: string): void {
    if (this.#readApple(word) || this.#readSystem(word) || this.#readDevice(word)) return;
    if (word !== 'like' && !isTiny(word)) this.#readProduct(word);
  }

  #next(offset: number): string | undefined {
    return trim(this.#words[this.#at + offset]);
  }

  /** The word at an offset when it is a number, which is then passed over. */
  #number(offset: number): string | undefined {
    const word = this.#next(offset);
    if (word === undefined || !/^[0-9]/.test(word)) return undefined;
    this.#at++;
    return word;
  }

  #tag(name: string, version?: string): void {
    this.tags.push({ name, version });
  }

  #os(name: string, version?: string): void {
    if (version !== undefined) this.osHint ??= { name, version };
    this.#tag(name, version);
  }

  #browser(name: string, version?: string): void {
    if (version !== undefined) this.browserHint = { name, version };
    this.#tag(name, version);
  }

  #bot(name: string, version?: string): void {
    if (this.flags.has('bot')) return;
    this.flags.add('bot');
    this.browserHint = { name, version };
  }

  #readApple(word: string): boolean {
    const next = this.#next(1);
    if (word.startsWith('AppleTV')) this.#advance(1, () => this.#tag('ATV OS X'));
    else if (word === 'like' && next === 'Mac' && this.#next(2) === 'OS') this.#at += 3;
    else if (word === 'Mac' && next === 'OS') this.#readMac();
    else if (word === 'iOS' || word === 'iPadOS') this.#readIos(1);
    else if (word === 'iPhone' && next === 'OS') this.#advance(1, () => this.#os('iOS', this.#number(2)));
    else if (word.startsWith('iPad')) this.#readIosDevice('iPad', word);
    else if (word.startsWith('iPhone')) this.#readIosDevice('iPhone', word);
    else if (word.startsWith('Apple-iPhone7C2')) this.#readIosDevice('iPhone', '');
    else if (word === 'CPU' && next === 'OS') this.#advance(1, () => this.#tag('CPU OS', this.#number(2)));
    else return false;
    return true;
  }

  #advance(count: number, read: () => void): void {
    read();
    this.#at += count;
  }

  #readMac(): void {
    const isTen = this.#next(2) === 'X';
    this.flags.add('mac');
    // Without the X the word behind it is passed over all the same.
    this.#advance(2, () => this.#os('Mac OS X', this.#number(isTen ? 3 : 2)));
  }

  #readIos(offset: number): void {
    this.#advance(1, () => this.#os('iOS', this.#number(offset)));
    this.flags.add('ios');
  }

  #readIosDevice(name: string, word: string): void {
    this.flags.add('ios');
    this.#tag(name, trim(word.split(name)[1]));
  }

  #readSystem(word: string): boolean {
    const next = this.#next(1);
    if (word === 'CrOS') this.#readChromeOs();
    else if (word === 'CrKey') this.#os('Chromecast');
    else if (word === 'PlayStation') this.#flagged('playstation', word);
    else if (word === 'Android') this.#os(word, this.#number(1));
    else if (word === 'Windows' && next === 'Phone') {
      this.#advance(1, () => this.#os('Windows Phone', this.#number(2)));
    } else if (word.startsWith('Windows')) this.#readWindows(next);
    else if (word === 'MSIE') this.#browser('IE', this.#number(1));
    else if (word === 'Yahoo!' && next === 'Slurp') this.#advance(1, () => this.#tag('Yahoo! Slurp'));
    else if (word === 'Red' && next === 'Hat') this.#advance(1, () => this.#os('Red Hat'));
    else if (word === 'Ubuntu') this.#os(word, this.#number(1));
    else return false;
    return true;
  }

  #flagged(flag: Flag, tag: string, version?: string): void {
    this.flags.add(flag);
    this.#tag(tag, version);
  }

  #readChromeOs(): void {
    let version = this.#number(1);
    if (version === undefined) {
      this.#at++;
      version = this.#number(1);
    }
    this.#os('Chrome OS', version);
  }

  #readWindows(next: string | undefined): void {
    this.flags.add('windows');
    let version: string | undefined;
    if (next === 'NT') {
      version = this.#number(2);
      if (version !== undefined) this.#at++;
    } else if (next?.startsWith('XP') === true) {
      this.#at++;
      version = 'XP';
    } else {
      version = this.#number(1);
    }
    this.#os('Windows', version);
  }

  #readDevice(word: string): boolean {
    const next = this.#next(1);
    if (word === 'Mobile') this.#flagged('mobile', word);
    else if (word === 'Linux' || word === 'linux') this.#flagged('linux', 'Linux');
    else if (word === 'Nintendo' && next === '3DS') this.#advance(1, () => this.#tag('NetFront NX'));
    else if (word === 'AdsBot-Google-Mobile') this.#bot('AdsBot-Google');
    else if (threeWordBots.has(`${word} ${next} ${this.#next(2)}`)) this.#bot(`${word} ${next} ${this.#next(2)}`);
    else return false;
    return true;
  }

  #readProduct(word: string): void {
    const mark = word.search(/[/;:]/);
    const name = (mark < 0 ? undefined : trim(word.slice(0, mark))) ?? word;
    const version = mark < 0 ? undefined : trim(word.slice(mark + 1));
    if (this.#readBrowser(name, version)) return;
    if (/Bot|bot|crawler|Crawler/.test(name)) this.#bot(name, version);
    else if (name === 'Mobile') this.#flagged('mobile', name, version);
    else if (name === 'Safari') this.#flagged('safari', name, version);
    else if (name === 'CFNetwork') this.flags.add('cfnetwork').add('ios');
    else if (version?.includes('crawler') === true) this.flags.add('crawler');
    else if (name === 'OculusBrowser') this.osHint = { name: 'Android' };
    else this.#tag(name, version);
  }

  #readBrowser(name: string, version: string | undefined): boolean {
    if (name === 'Kindle') {
      if (version !== undefined) this.osHint ??= { name, version };
      this.#browser(name, version);
    } else if (name === 'HuaweiBrowser') {
      this.#flagged('huawei', name, version);
    } else if (Object.hasOwn(renamedTags, name)) {
      this.#tag(renamedTags[name] ?? name, version);
    } else if (ownBrowsers.has(name)) {
      this.#browser(name, version);
    } else if (Object.hasOwn(renamedBrowsers, name)) {
      if (name === 'CriOS') this.flags.add('ios');
      // A browser of a phone that poses as a desktop.
      const isPosing = (name === 'CriOS' || name === 'EdgiOS') && this.osHint?.name === 'Mac OS X';
      if (isPosing) this.osHint = { name: 'iOS' };
      this.#browser(renamedBrowsers[name] ?? name, version);
    } else {
      return false;
    }
    return true;
  }
}
