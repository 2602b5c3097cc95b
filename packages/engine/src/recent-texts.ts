/** Longer texts are rarely asked about twice. */
const textMax = 64;
const rowsMax = 4096;
const cellsMax = 2 ** 21;
/** After a round in which few texts came again, this many rounds pass without looking. */
const roundsAtRest = 8;

/** Before the first row. */
export const noCells = new Uint16Array(0);

/**
 * What is known about the texts that came by lately, such as unit ids and countries: one row of small
 * numbers for each, one column for each question, 0 for what is not known yet. The rows go round: a new
 * text takes the place of the oldest. Texts that never repeat are found out and left alone, since for
 * them remembering only costs. Memory: at most 4 MiB of cells, however many columns there are.
 */
export class RecentTexts {
  /** Row + column is the place of a cell. Another array after a column was added. */
  cells = noCells;
  readonly #rows = new Map<string, number>();
  /** The text that came by last, which is often the next one too. */
  #lastText = '';
  #lastRow = -1;
  #texts: (string | undefined)[] = [];
  #columns = 0;
  #width = 8;
  #next = 0;
  /** Texts that came again in this round. */
  #again = 0;
  #rest = 0;

  /** A new column. Forgets everything when there is no room: rows that were handed out are void then. */
  takeColumn(): number {
    if (this.#columns === this.#width) {
      this.#width *= 2;
      this.cells = noCells;
      this.#lastRow = -1;
    }
    return this.#columns++;
  }

  /** Where the row of a text begins; -1: nothing is kept about this text. */
  rowOf(text: string): number {
    if (text === this.#lastText && this.#lastRow >= 0) return this.#lastRow;
    if (this.#rest > 0) {
      this.#rest--;
      return -1;
    }
    this.#lastRow = this.#find(text);
    this.#lastText = text;
    return this.#lastRow;
  }

  #find(text: string): number {
    const row = this.#rows.get(text);
    if (row === undefined || this.cells === noCells) return this.#admit(text);
    this.#again++;
    return row;
  }

  #admit(text: string): number {
    if (text.length > textMax || this.#columns === 0) return -1;
    if (this.cells === noCells) this.#begin();
    else if (this.#next === this.#texts.length) this.#turn();
    const at = this.#next++;
    const row = at * this.#width;
    const oldest = this.#texts[at];
    if (oldest !== undefined) {
      this.#rows.delete(oldest);
      this.cells.fill(0, row, row + this.#width);
    }
    this.#texts[at] = text;
    this.#rows.set(text, row);
    return row;
  }

  #begin(): void {
    const count = Math.min(rowsMax, Math.max(1, Math.floor(cellsMax / this.#width)));
    this.cells = new Uint16Array(count * this.#width);
    this.#texts = new Array<string | undefined>(count).fill(undefined);
    this.#rows.clear();
    this.#next = 0;
    this.#again = 0;
  }

  #turn(): void {
    if (this.#again < this.#texts.length) this.#rest = this.#texts.length * roundsAtRest;
    this.#again = 0;
    this.#next = 0;
  }
}
