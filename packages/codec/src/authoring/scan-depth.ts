import { CST, Lexer } from 'yaml';

/**
 * Whether a text opens more collections inside each other than `max`, by brackets or on one line. To be asked
 * before YAML is parsed: the parser recurses, and a text of nothing but brackets ends the whole process.
 */
export function isDeeperThan(text: string, max: number): boolean {
  if (!mayBeDeep(text, max)) return false;
  let brackets = 0;
  let indicators = 0;
  for (const token of new Lexer().lex(text)) {
    switch (CST.tokenType(token)) {
      case 'flow-map-start':
      case 'flow-seq-start':
        brackets += 1;
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        brackets -= 1;
        break;
      case 'seq-item-ind':
      case 'explicit-key-ind':
      case 'map-value-ind':
        if (brackets === 0) indicators += 1;
        break;
      case 'newline':
        indicators = 0;
    }
    if (brackets + indicators > max) return true;
  }
  return false;
}

const newline = 0x0a;
const openers: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const closers: ReadonlySet<number> = new Set([0x5d, 0x7d]);
/** `-`, `?` and `:`. */
const indicatorCodes: ReadonlySet<number> = new Set([0x2d, 0x3f, 0x3a]);

/** A cheap look, which takes what stands inside of texts for structure, too. */
function mayBeDeep(text: string, max: number): boolean {
  let brackets = 0;
  let indicators = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (openers.has(code)) brackets += 1;
    else if (closers.has(code)) brackets = Math.max(0, brackets - 1);
    else if (indicatorCodes.has(code)) indicators += 1;
    else if (code === newline) indicators = 0;
    if (brackets > max || indicators > max) return true;
  }
  return false;
}
