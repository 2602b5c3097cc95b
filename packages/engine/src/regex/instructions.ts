/** The program of a pattern that needs backtracking: what is tried in which order. */
import {
  type Assertion,
  type ConditionNode,
  type LookNode,
  PatternError,
  type RegexNode,
  type RepeatNode,
} from './ast.js';
import { type CharacterTest, compileSet } from './classes.js';
import { alternativesOf, groupsOf, sizeOf } from './look-behind.js';

/** Larger programs are refused. */
const instructionsMax = 20_000;

/**
 * Registers hold places: 2 × group and the next one where a group begins and ends, the others what a repetition
 * or a look-around has to come back to. A mark is the height of the pile of ways that are still to be tried.
 */
export type Instruction =
  | { readonly kind: 'read'; readonly test: CharacterTest; readonly isBackward: boolean }
  | { readonly kind: 'check'; readonly what: Assertion }
  | { readonly kind: 'fork'; first: number; later: number }
  | { readonly kind: 'jump'; to: number }
  | { readonly kind: 'save'; readonly register: number }
  /** Goes elsewhere when nothing was read since the register was saved. */
  | { readonly kind: 'progress'; readonly register: number; otherwise: number }
  /** Goes back by so many characters, or fails. */
  | { readonly kind: 'retreat'; readonly size: number }
  /** A look-around of which it is known where it holds. */
  | { readonly kind: 'look'; readonly look: number; readonly isNegative: boolean }
  | { readonly kind: 'return'; readonly register: number }
  | { readonly kind: 'mark'; readonly register: number }
  /** Forgets the other ways since the mark. */
  | { readonly kind: 'cut'; readonly register: number }
  /** Takes back everything since the mark, and fails. */
  | { readonly kind: 'abandon'; readonly register: number }
  | { readonly kind: 'back'; readonly group: number; readonly ignoresCase: boolean; readonly isBackward: boolean }
  | { readonly kind: 'isSet'; readonly group: number }
  | { readonly kind: 'done' };

export interface BacktrackProgram {
  readonly instructions: readonly Instruction[];
  readonly registers: number;
}

/** Numbers the look-arounds that need no backtracking themselves; undefined for the others. */
export type NumberLook = (node: LookNode) => number | undefined;

/** Throws `PatternError`. */
export function writeInstructions(root: RegexNode, groups: number, numberLook: NumberLook): BacktrackProgram {
  const writer = new Writer(2 * (groups + 1), groupsOf(root), numberLook);
  writer.write(root, false);
  writer.add({ kind: 'done' });
  return { instructions: writer.instructions, registers: writer.registers };
}

class Writer {
  readonly instructions: Instruction[] = [];
  registers: number;
  readonly #groups: ReadonlyMap<number, RegexNode>;

  readonly #numberLook: NumberLook;

  constructor(registers: number, groups: ReadonlyMap<number, RegexNode>, numberLook: NumberLook) {
    this.registers = registers;
    this.#groups = groups;
    this.#numberLook = numberLook;
  }

  add<Added extends Instruction>(instruction: Added): Added {
    if (this.instructions.length >= instructionsMax) throw new PatternError('too large');
    this.instructions.push(instruction);
    return instruction;
  }

  get #here(): number {
    return this.instructions.length;
  }

  write(node: RegexNode, isBackward: boolean): void {
    switch (node.kind) {
      case 'empty':
        return;
      case 'set':
        this.add({ kind: 'read', test: compileSet(node.set), isBackward });
        return;
      case 'assert':
        this.add({ kind: 'check', what: node.what });
        return;
      case 'sequence':
        for (const part of isBackward ? node.parts.toReversed() : node.parts) this.write(part, isBackward);
        return;
      case 'choice':
        this.#writeOptions(node.options, (option) => this.write(option, isBackward));
        return;
      case 'repeat':
        this.#writeRepeat(node, isBackward);
        return;
      case 'capture':
        this.add({ kind: 'save', register: 2 * node.index + (isBackward ? 1 : 0) });
        this.write(node.body, isBackward);
        this.add({ kind: 'save', register: 2 * node.index + (isBackward ? 0 : 1) });
        return;
      case 'look':
        this.#writeLook(node);
        return;
      case 'atomic': {
        const register = this.registers++;
        this.add({ kind: 'mark', register });
        this.write(node.body, isBackward);
        this.add({ kind: 'cut', register });
        return;
      }
      case 'back':
        this.add({ kind: 'back', group: node.index, ignoresCase: node.ignoresCase, isBackward });
        return;
      case 'isSet':
        this.add({ kind: 'isSet', group: node.index });
        return;
      case 'condition':
        this.#writeCondition(node, isBackward);
    }
  }

  #fork(): Extract<Instruction, { kind: 'fork' }> {
    return this.add({ kind: 'fork', first: this.#here + 1, later: 0 });
  }

  #jump(to = 0): Extract<Instruction, { kind: 'jump' }> {
    return this.add({ kind: 'jump', to });
  }

  #writeOptions(options: readonly RegexNode[], write: (option: RegexNode) => void): void {
    const exits: { to: number }[] = [];
    for (const [index, option] of options.entries()) {
      if (index === options.length - 1) {
        write(option);
        break;
      }
      const fork = this.#fork();
      write(option);
      exits.push(this.#jump());
      fork.later = this.#here;
    }
    for (const exit of exits) exit.to = this.#here;
  }

  #writeRepeat({ body, min, max, isLazy }: RepeatNode, isBackward: boolean): void {
    for (let i = 0; i < min; i++) this.write(body, isBackward);
    const forks: { first: number; later: number }[] = [];
    if (max === Number.POSITIVE_INFINITY) {
      const register = this.registers++;
      const start = this.#here;
      forks.push(this.#fork());
      this.add({ kind: 'save', register });
      this.write(body, isBackward);
      this.add({ kind: 'progress', register, otherwise: this.#here + 2 });
      this.#jump(start);
    } else {
      for (let i = min; i < max; i++) {
        forks.push(this.#fork());
        this.write(body, isBackward);
      }
    }
    for (const fork of forks) {
      fork.later = this.#here;
      if (isLazy) [fork.first, fork.later] = [fork.later, fork.first];
    }
  }

  #writeLook(node: LookNode): void {
    const { body, isAhead, isNegative } = node;
    const look = this.#numberLook(node);
    if (look !== undefined) {
      this.add({ kind: 'look', look, isNegative });
      return;
    }
    const register = this.registers++;
    this.add({ kind: 'mark', register });
    if (isNegative) {
      const fork = this.#fork();
      this.#writeLooked(body, isAhead);
      this.add({ kind: 'abandon', register });
      fork.later = this.#here;
      return;
    }
    const place = this.registers++;
    this.add({ kind: 'save', register: place });
    this.#writeLooked(body, isAhead);
    this.add({ kind: 'cut', register });
    this.add({ kind: 'return', register: place });
  }

  #writeLooked(body: RegexNode, isAhead: boolean): void {
    if (isAhead) this.write(body, false);
    else this.#writeOptions(alternativesOf(body), (option) => this.#writeBehind(option));
  }

  /** What has a fixed length is matched forwards, so that references see the groups before them. */
  #writeBehind(option: RegexNode): void {
    const size = sizeOf(option, this.#groups);
    if (size !== undefined) this.add({ kind: 'retreat', size });
    this.write(option, size === undefined);
  }

  #writeCondition({ test, yes, no }: ConditionNode, isBackward: boolean): void {
    const register = this.registers++;
    this.add({ kind: 'mark', register });
    const fork = this.#fork();
    this.write(test, isBackward);
    this.add({ kind: 'cut', register });
    this.write(yes, isBackward);
    const exit = this.#jump();
    fork.later = this.#here;
    this.write(no, isBackward);
    exit.to = this.#here;
  }
}
