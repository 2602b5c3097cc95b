import {
  type Authored,
  AuthoringError,
  type AuthoringOptions,
  type AuthoringProblem,
  readAuthoring,
  readPlain,
} from '@sluice/codec';
import type { SetRef } from '@sluice/proto';

/** What a file says of one project, and the set that it is for. */
export interface ProjectWrite extends Omit<Authored, 'project'> {
  readonly set: SetRef;
}

type Json = Readonly<Record<string, unknown>>;

/** Each document is padded to its place in the file, so that many of them cost their square. */
const documentsMax = 100;
const problemsMax = 20;

/**
 * Reads a file of friendly documents, with `---` between them. Documents of one project are one
 * whole: what one mentions may be in another, and a name stands in only one of them.
 * @throws AuthoringError with the path, and the line in the file, of everything that has to change.
 */
export function readProjects(text: string, options: AuthoringOptions = {}): Authored[] {
  const documents = splitDocuments(text);
  if (documents.length <= 1) return [readAuthoring(documents[0] ?? text, options)];
  if (documents.length > documentsMax) {
    const message = `the file has ${documents.length} documents; at most ${documentsMax} are allowed: split it`;
    throw new AuthoringError([{ path: '', line: 0, message }]);
  }
  checkEach(documents);
  return joinProjects(documents.map((document) => readPlain(document) as Json)).map((joined) =>
    withoutLines(() => readAuthoring(JSON.stringify(joined), options)),
  );
}

/** The documents of a YAML file, each behind as many empty lines as there are lines before it. Comments make none. */
export function splitDocuments(text: string): string[] {
  const documents: string[] = [];
  let line = 0;
  // A line that starts like this ends a document wherever it stands, inside of texts, too: YAML 1.2, 9.1.2.
  for (const part of text.split(/^(?=---(?:[ \t\r\n]|$))/m)) {
    const lines = part.replace(/^---(?=\s|$)/, '').split('\n');
    const isEmpty = lines.every((one) => /^\s*(?:#|\.\.\.\s*$|$)/.test(one));
    if (!isEmpty) documents.push('\n'.repeat(line) + part);
    line += lines.length - 1;
  }
  return documents;
}

/** Every document by itself: here the lines are known. */
function checkEach(documents: readonly string[]): void {
  const problems: AuthoringProblem[] = [];
  for (const document of documents) {
    try {
      readAuthoring(document, { isPart: true });
    } catch (error) {
      if (!(error instanceof AuthoringError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new AuthoringError(problems.slice(0, problemsMax));
}

/** One document for each project, in the order in which they come up. */
function joinProjects(documents: readonly Json[]): Json[] {
  const projects = new Map<unknown, Map<string, unknown>>();
  const places = new Map<string, number>();
  const problems: AuthoringProblem[] = [];
  for (const [index, { project, ...parts }] of documents.entries()) {
    const joined = projects.get(project) ?? new Map<string, unknown>([['project', project]]);
    projects.set(project, joined);
    for (const [part, held] of Object.entries(parts)) {
      if (typeof held !== 'object' || held === null) {
        joined.set(part, held);
        continue;
      }
      for (const name of Object.keys(held)) {
        const key = JSON.stringify([project, part, name]);
        const before = places.get(key);
        places.set(key, index);
        if (before === undefined) continue;
        const message = `is in documents ${before + 1} and ${index + 1} of the file; keep one`;
        problems.push({ path: `${part}.${name}`, line: 0, message });
      }
      joined.set(part, { ...(joined.get(part) as Json | undefined), ...held });
    }
  }
  if (problems.length > 0) throw new AuthoringError(problems.slice(0, problemsMax));
  return [...projects.values()].map((joined) => Object.fromEntries(joined));
}

/** The joined document has no lines that its author knows. */
function withoutLines<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AuthoringError)) throw error;
    throw new AuthoringError(error.problems.map((problem) => ({ ...problem, line: 0 })));
  }
}
