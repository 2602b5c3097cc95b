/** Lets go of one resource. Called at most once. */
export type Release = () => void | Promise<void>;

/**
 * What a process holds, released in reverse order of acquisition. A release that fails or
 * hangs is named and does not keep the others from running.
 */
export class Scope {
  readonly #held: { name: string; release: Release }[] = [];
  #closing: Promise<string[]> | undefined;

  /** Adds a resource; it is released before everything pushed earlier. */
  push(name: string, release: Release): void {
    this.#held.push({ name, release });
  }

  /**
   * Releases everything, giving each release until `deadlineMs` from now at most.
   * @returns the names of resources that failed or did not finish in time.
   */
  close(deadlineMs = 10_000): Promise<string[]> {
    this.#closing ??= this.#release(Date.now() + deadlineMs);
    return this.#closing;
  }

  async #release(until: number): Promise<string[]> {
    const failed: string[] = [];
    for (let held = this.#held.pop(); held; held = this.#held.pop()) {
      const ok = await settle(held.release, Math.max(until - Date.now(), 50));
      if (!ok) failed.push(held.name);
    }
    return failed;
  }
}

async function settle(release: Release, withinMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), withinMs);
  try {
    const done = Promise.resolve(release()).then(
      () => true,
      () => false,
    );
    return await Promise.race([done, late]);
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
