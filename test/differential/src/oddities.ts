/** Texts that are made of pieces: agents, addresses, dates, and patterns with texts to try them on. */
import type { Random } from './random.js';

const agentWords = (
  'AppleTV AppleTV6,2/11.1 like Mac OS X 10_15_7 10.15 17_1_2 iOS iPhone iPhone12,1 iPad iPad6,11 iPadOS CPU CrOS ' +
  'x86_64 14541.0.0 CrKey CrKey/1.5 PlayStation 4 3.11 Android 13 8.1.0 Windows Phone 8.1 NT 10.0 6.1 5.1 XP MSIE ' +
  'MSIE/10 9.0 Yahoo! Slurp Slurp/3 Red Hat Nintendo 3DS Ubuntu Ubuntu/20.04 Mobile Mobile/15E148 Linux linux U wv ' +
  'Better Uptime Bot Radius Compilance Monitoring AdsBot-Google-Mobile Kindle/3.0 FxiOS/1.2 EdgiOS/44.5 CriOS/56.0 ' +
  'GSA/3 YisouSpider/1 Electron/9.1 Edg/120.0 Edge/18.1 OPR/100.0.1.2 SamsungBrowser/21.0 HuaweiBrowser/9.0 NX/3 ' +
  'IEMobile/11.0 Googlebot/2.1 bingbot MyCrawler/1 x/crawler Safari/604.1 Safari CFNetwork/1408 OculusBrowser/7.0 ' +
  'Chrome/120.0.0.0 Chrome Chrome/1a.2b.3 Firefox/115.0 Firefox Silk/3.1 NetFront YaBrowser/20.1.2.3 Opera/9.80 ' +
  'axios/1.2 HeadlessChrome/99 Version/16.1 Version NetworkingExtension/8 MyApp/1.2.3.4.5 Mozilla/5.0 (KHTML, Gecko) ' +
  'AppleWebKit/537.36 (compatible ; ) ( _ " ,, 日本/1 é a:b Chrome:3 1.2_3,4.5. / /5 x/ // rv:109.0 X11;'
).split(' ');

export function makeAgent(random: Random): string {
  return random.several(agentWords, 11).join(random.pick([' ', ' ', ' ', '; ', ';']));
}

/** None has parts beyond 255, as sums beyond 2^32 end the reference. */
export function makeAddress(random: Random): string {
  return Array.from({ length: 4 }, () => random.below(256)).join('.');
}

const gaps = ['', '', '', ' ', '  ', '\t', '\u00a0'];

/** A date as somebody may write it: in the calendar mostly, with space, signs and zones here and there. */
export function makeDate(random: Random): string {
  const gap = (): string => random.pick(gaps);
  const two = (limit: number): string => String(random.below(limit)).padStart(random.chance(0.8) ? 2 : 1, '0');
  const year = random.pick(['2023', '2024', '1969', '+2023', '-1', '+12023', '99', '02023', '0']);
  if (random.chance(0.4)) {
    const zone = random.pick(['Z', 'z', '+05:30', '-00:00', '\u221205:30', '+0530', '', '+24:00']);
    const fraction = random.pick(['', '', '.5', '.123456', '.']);
    return `${year}-${two(14)}-${two(33)}${random.pick(['T', 't', ' ', '_'])}${two(25)}:${two(60)}:${two(62)}${fraction}${zone}`;
  }
  const date = `${gap()}${year}-${gap()}${two(14)}-${gap()}${two(33)}`;
  return `${date}${random.pick([' ', ' ', ...gaps])}${two(25)}:${gap()}${two(60)}:${gap()}${two(62)}`;
}

const atoms = ['a', 'b', 'ab', '.', '[ab]', '\\w', '\\d', 'é', '(a|b)', '(?:a|ab)', '(?<n>b)', '[^a]', '\\b', '^', '$'];
const arounds = ['(?=a)', '(?!b)', '(?<=a)', '(?<!b)', '(?=.*b)', '(?!.*(ab|é))', '(?<=a|bé)', '(?<!\\w)', '(?=(a+))'];
const others = ['(?>a+)', '(?>a|ab)', 'a++', '(?i)', '(?i:B)', '\\1', '\\k<n>', '(?>a*?)', '(a)?(?(1)b|c)', '(?<=(a))'];

/** A pattern of the kinds that regular expressions proper do not have. */
export function makePattern(random: Random): string {
  const piece = (): string => {
    const kind = random.next();
    if (kind < 0.2) return random.pick(arounds);
    if (kind < 0.3) return random.pick(others);
    if (kind < 0.36) return '|';
    return random.pick(atoms) + random.pick(['', '', '', '*', '+', '?', '*?', '+?', '{1,2}', '{2}']);
  };
  return Array.from({ length: 1 + random.below(6) }, piece).join('');
}

/** A text that patterns may match somewhere; long ones repeat themselves, with an end of their own. */
export function makeSubject(random: Random): string {
  const letters = random.several(['a', 'b', 'ab', 'é', 'B', '1', ' ', '\n'], 12).join('');
  return random.chance(0.3) ? letters.repeat(random.below(200)) + random.pick(['', 'a', 'ab', 'é1']) : letters;
}
