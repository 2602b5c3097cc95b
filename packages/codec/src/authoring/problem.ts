/** Something in a document that its author must change. */
export interface AuthoringProblem {
  /** Where, such as `gates.checkout.rules[1].percentage`; empty for the document as a whole. */
  readonly path: string;
  /** Counted from 1; 0 when the document has no such place. */
  readonly line: number;
  /** What is wrong and what to do. */
  readonly message: string;
}

/** The document can't be used. The message has one line per problem, in the order of the document. */
export class AuthoringError extends Error {
  readonly problems: readonly AuthoringProblem[];

  constructor(problems: readonly AuthoringProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'AuthoringError';
    this.problems = problems;
  }
}

/** `gates.checkout.rules[1].percentage: must be between 0 and 100, got 101 (line 14)` */
export function formatProblem({ path, line, message }: AuthoringProblem): string {
  const where = line > 0 ? ` (line ${line})` : '';
  return path === '' ? `${message}${where}` : `${path}: ${message}${where}`;
}

export type Path = readonly (string | number)[];

/** `['rules', 1, 'when']` → `rules[1].when`; keys that would confuse are quoted. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    if (!/^[\w:-]+$/.test(step)) return `${text}[${JSON.stringify(step)}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}
