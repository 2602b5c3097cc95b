import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from 'yaml';
import { AuthoringError, type AuthoringProblem, formatPath, type Path } from './problem.js';
import { isDeeperThan } from './scan-depth.js';

/** Limits on a document, so that a hostile one is refused in bounded time and memory. */
export const limits = {
  documentBytesMax: 8 * 1024 * 1024,
  linesMax: 250_000,
  depthMax: 32,
  aliasesMax: 50,
  problemsMax: 20,
} as const;

/** A document as plain values, and where each of them stands in the text. */
export interface YamlSource {
  readonly value: unknown;
  /** Line of the place that the path names or, when it is missing, of the nearest thing around it. */
  lineAt(path: Path): number;
}

/**
 * Reads YAML 1.2 or JSON: one document, no tags, numbers that survive.
 * @throws AuthoringError with a line for each problem.
 */
export function readYaml(text: string): YamlSource {
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.documentBytesMax) {
    throw refuse(`the document has ${bytes} bytes; at most ${limits.documentBytesMax} are allowed`);
  }
  const lineCount = countLines(text);
  if (lineCount > limits.linesMax) {
    throw refuse(`the document has ${lineCount} lines; at most ${limits.linesMax} are allowed: split it`);
  }
  if (isDeeperThan(text, limits.depthMax)) throw tooDeep();
  const lines = new LineCounter();
  const document = parse(text, lines);
  const lineOf = (node: Node | null | undefined): number => (node?.range ? lines.linePos(node.range[0]).line : 0);
  const faults = [...document.errors, ...document.warnings];
  if (faults.some(({ message }) => message.includes('call stack'))) throw tooDeep();
  const problems = [
    ...faults.slice(0, limits.problemsMax).map((fault) => ({
      path: '',
      line: lines.linePos(fault.pos[0]).line,
      message: `this is not YAML: ${firstSentence(fault.message)}`,
    })),
    ...findBadNodes(document.contents, lineOf),
  ];
  if (problems.length > 0) throw new AuthoringError(problems.slice(0, limits.problemsMax));
  return { value: expand(document), lineAt: (path) => lineOf(nearestNode(document.contents, path)) };
}

function countLines(text: string): number {
  let count = 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function refuse(message: string): AuthoringError {
  return new AuthoringError([{ path: '', line: 0, message }]);
}

function tooDeep(): AuthoringError {
  return refuse(`the document is nested deeper than ${limits.depthMax} levels; flatten it`);
}

function parse(text: string, lineCounter: LineCounter): Document.Parsed {
  try {
    // The parser compares each key with all before it, which takes minutes for a long map; see `findBadKeys`.
    const uniqueKeys = false;
    // Pretty errors quote the text around each of them, which takes minutes for thousands.
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys, version: '1.2', stringKeys: true });
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw refuse(`this is not YAML: ${firstSentence((error as Error).message)}`);
  }
}

function expand(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: limits.aliasesMax });
  } catch (error) {
    throw refuse(`aliases can't be resolved (${firstSentence((error as Error).message)}); write the values out`);
  }
}

/** Depth and numbers, looked at before anything is expanded. Iterative: the depth is not trusted yet. */
function findBadNodes(root: Node | null, lineOf: (node: Node) => number): AuthoringProblem[] {
  const problems: AuthoringProblem[] = [];
  const stack: { node: unknown; path: Path }[] = [{ node: root, path: [] }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { node, path } = top;
    if (isNode(node) && node.tag !== undefined) {
      problems.push({ path: formatPath(path), line: lineOf(node), message: `has the tag ${node.tag}; leave it out` });
    } else if (isCollection(node)) {
      if (path.length >= limits.depthMax) {
        const message = `is nested deeper than ${limits.depthMax} levels; flatten it`;
        return [{ path: formatPath(path.slice(0, 4)), line: lineOf(node), message }];
      }
      if (isMap(node)) problems.push(...findBadKeys(node, path, lineOf));
      for (const [index, item] of [...node.items.entries()].reverse()) stack.push(childOf(item, index, path));
    } else if (isScalar(node) && typeof node.value === 'number' && !isExact(node.value)) {
      const message = `${node.source ?? node.value} can't be kept exactly as a number; put it in quotes`;
      problems.push({ path: formatPath(path), line: lineOf(node), message });
    }
  }
  return problems;
}

/** Keys that are there twice, and the one that plain objects can't keep. */
function findBadKeys(map: YAMLMap, path: Path, lineOf: (node: Node) => number): AuthoringProblem[] {
  const seen = new Set<string>();
  return map.items.flatMap(({ key }) => {
    const name = keyOf(key);
    const fault = name === '__proto__' ? 'is no name that can be kept; choose another' : 'is there twice; keep one';
    if (name !== '__proto__' && !seen.has(name)) {
      seen.add(name);
      return [];
    }
    return { path: formatPath([...path, name]), line: isNode(key) ? lineOf(key) : 0, message: fault };
  });
}

function childOf(item: unknown, index: number, path: Path): { node: unknown; path: Path } {
  return isPair(item) ? { node: item.value, path: [...path, keyOf(item.key)] } : { node: item, path: [...path, index] };
}

function keyOf(key: unknown): string {
  return String(isScalar(key) ? key.value : key);
}

function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** The node at the path or the last one on the way; for a key of a map, the key, because that is where its line is. */
function nearestNode(root: Node | null, path: Path): Node | null {
  let found = root;
  let node: unknown = root;
  for (const step of path) {
    if (isAlias(node)) break;
    if (isMap(node)) {
      const pair = node.items.find((item) => keyOf(item.key) === String(step));
      if (!pair) break;
      found = (pair.key as Node | null) ?? found;
      node = pair.value;
    } else if (isCollection(node)) {
      node = node.items[Number(step)];
      if (!node) break;
      found = node as Node;
    } else {
      break;
    }
  }
  return found;
}

function firstSentence(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
}
