/** An entity can't be translated. Its message names the entity and says what is wrong. */
export class EntityError extends Error {
  /** The entity, such as `cmab/welcome`. */
  readonly key: string;

  constructor(key: string, message: string, cause?: unknown) {
    super(`${key}: ${message}`, { cause });
    this.name = 'EntityError';
    this.key = key;
  }
}
