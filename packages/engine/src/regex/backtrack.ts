/**
 * Patterns with references or atomic groups: one way to match after the other, as the reference tries them.
 * Patterns can need more time than there is, so that the ways are counted; past the limit nothing matches,
 * there as here.
 */
import { nodesOf, type RegexNode } from './ast.js';
import type { Automaton, LookPlaces } from './automaton.js';
import { type BacktrackProgram, type Instruction, writeInstructions } from './instructions.js';
import { isReferredTo } from './look-behind.js';
import type { Pattern } from './pattern.js';
import { compileLook, effortMax as lookEffortMax, markLooks } from './regular.js';
import { characterAfter, characterBefore, edge, holdsBetween, readSubject, type Subject } from './subject.js';

/** Instructions that a search may take, some 50 ms. The reference counts the ways that it gives up, and stops at 1,000,000. */
const effortMax = 3_000_000;
/** Entries of the pile: two numbers for each way to be tried later or register to be put back. */
const pileMax = 1_000_000;

/** Whether a pattern can only be searched like this. */
export function needsBacktracking(root: RegexNode): boolean {
  for (const { kind } of nodesOf(root)) {
    if (kind === 'atomic' || kind === 'back' || kind === 'isSet' || kind === 'condition') return true;
  }
  return false;
}

/** Compiles such a pattern; `groups` is how many it captures. Throws `PatternError`. */
export function compileBacktracking(root: RegexNode, groups: number): Pattern {
  const looks: Automaton[] = [];
  const program = writeInstructions(root, groups, (node) =>
    isRegular(node.body, root) ? compileLook(node, looks) : undefined,
  );
  return {
    matches: (text) => {
      const subject = readSubject(text);
      const places = markLooks(looks, subject, { left: lookEffortMax });
      return places !== undefined && new Search(program, subject, places).find();
    },
  };
}

/** Whether a part can be matched on its own, and leaves nothing behind that the rest asks for. */
function isRegular(body: RegexNode, root: RegexNode): boolean {
  if (needsBacktracking(body)) return false;
  for (const node of nodesOf(body)) if (node.kind === 'capture' && isReferredTo(node.index, root)) return false;
  return true;
}

/** Instructions that say where to go on, and are followed by `#follow`. */
type Steering = Extract<Instruction, { kind: 'fork' | 'jump' | 'progress' | 'done' }>;

class Search {
  readonly #instructions: readonly Instruction[];
  readonly #subject: Subject;
  readonly #looks: LookPlaces;
  /** Places; −1 is unset. */
  readonly #registers: Int32Array;
  /** Pairs: an instruction and a place to go on from, or −1 − register and what it held. */
  readonly #pile: number[] = [];
  #effort = 0;

  constructor({ instructions, registers }: BacktrackProgram, subject: Subject, looks: LookPlaces) {
    this.#instructions = instructions;
    this.#subject = subject;
    this.#looks = looks;
    this.#registers = new Int32Array(registers);
  }

  find(): boolean {
    for (let start = 0; start <= this.#subject.length && !this.#isSpent; start++) {
      this.#registers.fill(-1);
      if (this.#matchesAt(start)) return true;
    }
    return false;
  }

  get #isSpent(): boolean {
    return this.#effort > effortMax || this.#pile.length > pileMax;
  }

  #matchesAt(start: number): boolean {
    const pile = this.#pile;
    pile.length = 0;
    pile.push(0, start);
    while (!this.#isSpent && this.#takeBack(0)) {
      const place = pile.pop() as number;
      if (this.#follow(pile.pop() as number, place)) return true;
    }
    return false;
  }

  /** Puts registers back until a way to go on is on top of the pile, no deeper than the given height. */
  #takeBack(height: number): boolean {
    const pile = this.#pile;
    while (pile.length > height) {
      const top = pile[pile.length - 2] as number;
      if (top >= 0) return true;
      this.#registers[-1 - top] = pile[pile.length - 1] as number;
      pile.length -= 2;
    }
    return false;
  }

  #set(register: number, value: number): void {
    this.#pile.push(-1 - register, this.#registers[register] as number);
    this.#registers[register] = value;
  }

  /** True: a match. */
  #follow(first: number, start: number): boolean {
    let place = start;
    for (let at = first; !this.#isSpent; at++) {
      this.#effort++;
      const instruction = this.#instructions[at] as Instruction;
      switch (instruction.kind) {
        case 'fork':
          this.#pile.push(instruction.later, place);
          at = instruction.first - 1;
          break;
        case 'jump':
          at = instruction.to - 1;
          break;
        case 'progress':
          if (this.#registers[instruction.register] === place) at = instruction.otherwise - 1;
          break;
        case 'done':
          return true;
        default:
          place = this.#advance(instruction, place);
          if (place < 0) return false;
      }
    }
    return false;
  }

  /** The place after an instruction; negative where it fails. */
  #advance(instruction: Exclude<Instruction, Steering>, place: number): number {
    switch (instruction.kind) {
      case 'read': {
        const code = this.#characterAt(place, instruction.isBackward);
        if (code === edge || !instruction.test(code)) return -1;
        return instruction.isBackward ? place - 1 : place + 1;
      }
      case 'check': {
        const before = characterBefore(this.#subject, place);
        return holdsBetween(instruction.what, before, characterAfter(this.#subject, place)) ? place : -1;
      }
      case 'look':
        return (this.#looks[instruction.look]?.[place] === 1) === instruction.isNegative ? -1 : place;
      case 'retreat':
        return place - instruction.size;
      case 'save':
        this.#set(instruction.register, place);
        return place;
      case 'return':
        return this.#registers[instruction.register] as number;
      case 'mark':
        this.#set(instruction.register, this.#pile.length + 2);
        return place;
      case 'cut':
        this.#cut(this.#registers[instruction.register] as number);
        return place;
      case 'abandon':
        this.#abandon(this.#registers[instruction.register] as number);
        return -1;
      case 'back':
        return this.#readGroup(instruction, place);
      case 'isSet':
        return this.#isSet(instruction.group) ? place : -1;
    }
  }

  #characterAt(place: number, isBackward: boolean): number {
    return isBackward ? characterBefore(this.#subject, place) : characterAfter(this.#subject, place);
  }

  /** Forgets ways to go on, but not what registers held. */
  #cut(height: number): void {
    const pile = this.#pile;
    this.#effort += (pile.length - height) / 2;
    let kept = height;
    for (let at = height; at < pile.length; at += 2) {
      const entry = pile[at] as number;
      if (entry >= 0) continue;
      pile[kept] = entry;
      pile[kept + 1] = pile[at + 1] as number;
      kept += 2;
    }
    pile.length = kept;
  }

  #abandon(height: number): void {
    while (this.#takeBack(height)) this.#pile.length -= 2;
  }

  #isSet(group: number): boolean {
    const from = this.#registers[2 * group] as number;
    return from >= 0 && (this.#registers[2 * group + 1] as number) >= from;
  }

  /** The place behind another occurrence of what a group matched; negative where there is none, or no match yet. */
  #readGroup({ group, ignoresCase, isBackward }: Extract<Instruction, { kind: 'back' }>, place: number): number {
    if (!this.#isSet(group)) return -1;
    const { codes, length } = this.#subject;
    const from = this.#registers[2 * group] as number;
    const size = (this.#registers[2 * group + 1] as number) - from;
    const start = isBackward ? place - size : place;
    if (start < 0 || start + size > length) return -1;
    for (let i = 0; i < size; i++) {
      if (!isSame(codes[from + i] as number, codes[start + i] as number, ignoresCase)) return -1;
    }
    return isBackward ? start : start + size;
  }
}

function isSame(left: number, right: number, ignoresCase: boolean): boolean {
  if (left === right || !ignoresCase) return left === right;
  return String.fromCodePoint(left).toLowerCase() === String.fromCodePoint(right).toLowerCase();
}
