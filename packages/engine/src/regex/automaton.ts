/**
 * Searches in time linear in the text: all ways to match advance together, one character at a time, so
 * that no pattern can run away. What is reached after the usual characters is remembered (a lazy
 * deterministic automaton), and then a character costs one look-up.
 */
import type { CharacterTest } from './classes.js';
import type { Step, Steps } from './steps.js';
import { characterAfter, characterBefore, edge, holdsBetween, kindOf, type Subject } from './subject.js';

/** By look-around: at which places of the text it holds. */
export type LookPlaces = readonly Uint8Array[];

/** Steps that a search may still take. Remembered ones are free. */
export interface Effort {
  left: number;
}

/** What is remembered of a pattern: states, and steps in each. Then it is forgotten, and begins anew. */
const statesMax = 128;
const stateStepsMax = 64;
/** With more look-arounds nothing is remembered. */
const looksRememberedMax = 5;
/** Kinds of characters that a pattern tells apart; those beyond are read step by step. */
const classesMax = 256;
/** Characters beyond ASCII whose class is remembered. */
const charactersMax = 1024;

const edgeClass = 0;
/** Nothing is remembered of characters of no class: keys made of it stay negative. */
const noClass = -1;

/** Where all ways to match have got to between two characters. */
interface State {
  /** Steps reached by the last character, forks and checks not yet followed. */
  readonly reached: readonly number[];
  /** Of the last character. */
  readonly behindKind: number;
  /** By class of the next character, and the look-arounds that hold here; absent where nothing is remembered. */
  readonly moves: (Move | undefined)[] | undefined;
}

interface Move {
  /** The pattern has matched before this character. */
  readonly isMatch: boolean;
  readonly next: State;
}

/** The search for one regular expression, forwards or backwards. */
export class Automaton {
  readonly #steps: readonly Step[];
  readonly #start: number;
  readonly #isBackward: boolean;
  /** The look-arounds that it asks for. */
  readonly #looks: readonly number[];
  /** By step: the turn in which it was last entered. */
  readonly #entered: Float64Array;
  #turn = 0;
  /** Steps that read, among those reached at the current place. */
  readonly #reading: number[] = [];
  readonly #pending: number[] = [];
  readonly #states = new Map<string, State>();
  /** Characters of one class are read by the same steps. By signature; the edge of the text is a class of its own. */
  readonly #classes = new Map<string, number>([['', edgeClass]]);
  readonly #tests: readonly CharacterTest[];
  #asciiClasses: Int16Array | undefined;
  readonly #otherClasses = new Map<number, number>();

  constructor({ steps, start }: Steps, isBackward: boolean) {
    this.#steps = steps;
    this.#start = start;
    this.#isBackward = isBackward;
    this.#looks = [...new Set(steps.flatMap((step) => (step.kind === 'look' ? [step.look] : [])))];
    this.#entered = new Float64Array(steps.length);
    this.#tests = [...new Set(steps.flatMap((step) => (step.kind === 'read' ? [step.test] : [])))];
  }

  /** Whether the pattern matches anywhere. False as well when the effort runs out. */
  finds(subject: Subject, looks: LookPlaces, effort: Effort): boolean {
    return this.#search(subject, looks, effort, undefined);
  }

  /** Marks the places where a match ends (forwards) or begins (backwards). False: the effort ran out. */
  markPlaces(subject: Subject, looks: LookPlaces, effort: Effort, places: Uint8Array): boolean {
    this.#search(subject, looks, effort, places);
    return effort.left > 0;
  }

  #search(subject: Subject, looks: LookPlaces, effort: Effort, places: Uint8Array | undefined): boolean {
    const { length } = subject;
    let state = this.#stateOf([], kindOf(edge));
    for (let read = 0; read <= length; read++) {
      const place = this.#isBackward ? length - read : read;
      const key = this.#keyAt(subject, place, looks);
      const move = state.moves?.[key] ?? this.#move(state, key, subject, place, looks, effort);
      if (effort.left <= 0) return false;
      if (move.isMatch) {
        if (places === undefined) return true;
        places[place] = 1;
      }
      state = move.next;
    }
    return false;
  }

  /** The next character in reading direction. */
  #characterAt(subject: Subject, place: number): number {
    return this.#isBackward ? characterBefore(subject, place) : characterAfter(subject, place);
  }

  /** Which move of a state is the one at a place. */
  #keyAt(subject: Subject, place: number, looks: LookPlaces): number {
    const symbol = this.#classOf(this.#characterAt(subject, place));
    let key = symbol;
    for (const look of this.#looks) key = key * 2 + ((looks[look] as Uint8Array)[place] as number);
    return key;
  }

  /** Follows forks and checks at a place, from the start and from what was reached, then reads a character. */
  #move(state: State, key: number, subject: Subject, place: number, looks: LookPlaces, effort: Effort): Move {
    const after = characterAfter(subject, place);
    const before = characterBefore(subject, place);
    this.#reading.length = 0;
    this.#turn++;
    let isMatch = false;
    for (const step of state.reached) if (this.#enter(step, before, after, looks, place, effort)) isMatch = true;
    // A match may begin anywhere.
    if (this.#enter(this.#start, before, after, looks, place, effort)) isMatch = true;
    const code = this.#isBackward ? before : after;
    const reached: number[] = [];
    if (code !== edge) {
      for (const index of this.#reading) {
        const step = this.#steps[index];
        if (step?.kind === 'read' && step.test(code)) reached.push(step.next);
      }
    }
    const move: Move = { isMatch, next: this.#stateOf(reached, kindOf(code)) };
    if (state.moves !== undefined && move.next.moves !== undefined && key >= 0) state.moves[key] = move;
    return move;
  }

  #enter(first: number, before: number, after: number, looks: LookPlaces, place: number, effort: Effort): boolean {
    const pending = this.#pending;
    pending.push(first);
    let isMatch = false;
    for (;;) {
      const index = pending.pop();
      if (index === undefined) return isMatch;
      if (this.#entered[index] === this.#turn) continue;
      this.#entered[index] = this.#turn;
      effort.left--;
      const step = this.#steps[index];
      if (step === undefined) continue;
      if (step.kind === 'read') this.#reading.push(index);
      else if (step.kind === 'fork') pending.push(step.other, step.next);
      else if (step.kind === 'done') isMatch = true;
      else if (step.kind === 'look') {
        if ((looks[step.look]?.[place] === 1) !== step.isNegative) pending.push(step.next);
      } else if (holdsBetween(step.what, before, after)) pending.push(step.next);
    }
  }

  /** The one state of its kind, as long as it is small enough to be remembered. */
  #stateOf(reached: number[], behindKind: number): State {
    if (this.#looks.length > looksRememberedMax || reached.length > stateStepsMax) {
      return { reached, behindKind, moves: undefined };
    }
    const distinct = [...new Set(reached)].sort((left, right) => left - right);
    const key = `${behindKind}:${distinct.join()}`;
    let state = this.#states.get(key);
    if (state === undefined) {
      if (this.#states.size >= statesMax) this.#states.clear();
      state = { reached: distinct, behindKind, moves: [] };
      this.#states.set(key, state);
    }
    return state;
  }

  #classOf(code: number): number {
    if (code === edge) return edgeClass;
    if (code < 128) {
      this.#asciiClasses ??= Int16Array.from({ length: 128 }, (_, ascii) => this.#classify(ascii));
      return this.#asciiClasses[code] as number;
    }
    const known = this.#otherClasses.get(code);
    if (known !== undefined) return known;
    const number = this.#classify(code);
    if (this.#otherClasses.size >= charactersMax) this.#otherClasses.clear();
    this.#otherClasses.set(code, number);
    return number;
  }

  #classify(code: number): number {
    let signature = String(kindOf(code));
    for (const test of this.#tests) signature += test(code) ? '1' : '0';
    const known = this.#classes.get(signature);
    if (known !== undefined) return known;
    if (this.#classes.size >= classesMax) return noClass;
    this.#classes.set(signature, this.#classes.size);
    return this.#classes.size - 1;
  }
}
