import { exhausted } from '@sluice/mesh';

/** Each upload holds up to 16 MB. */
const uploadsMax = 8;
/** So that one project leaves room for others, however slow its uploads are. */
const projectMax = 2;
const retryAfterMs = 1_000;

/** Uploads under way. */
export class UploadSlots {
  readonly #byProject = new Map<string, number>();
  #all = 0;

  /** @returns what gives the slot back. @throws SluiceError `exhausted`. */
  take(project: string): () => void {
    const own = this.#byProject.get(project) ?? 0;
    if (own >= projectMax) {
      throw exhausted(`${own} id lists of ${project} are being uploaded already; try again in a moment`, retryAfterMs);
    }
    if (this.#all >= uploadsMax) {
      throw exhausted(`${this.#all} id lists are being uploaded already; try again in a moment`, retryAfterMs);
    }
    this.#byProject.set(project, own + 1);
    this.#all += 1;
    return () => this.#giveBack(project);
  }

  #giveBack(project: string): void {
    const left = (this.#byProject.get(project) ?? 0) - 1;
    if (left > 0) this.#byProject.set(project, left);
    else this.#byProject.delete(project);
    this.#all -= 1;
  }
}
