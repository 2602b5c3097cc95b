/** Something a person has to do before the stack can start. The message says what. */
export class StackProblem extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StackProblem';
  }
}
