import { type Client, type Duplex, SluiceError, unavailable } from '@sluice/mesh';
import type {
  EvaluateRequest,
  EvaluateResponse,
  EvaluateStreamRequest,
  EvaluateStreamResponse,
  EvaluationServiceService,
  StreamError,
} from '@sluice/proto';

interface Question {
  readonly settle: (result: EvaluateResponse | SluiceError) => void;
}

/** Questions that may wait for an answer on the stream; more are turned away. */
const questionsMax = 100_000;

/**
 * Asks many questions over one stream, each with an id that its answer carries. The stream is
 * opened with the first question, and again after it broke.
 */
export class EvaluateStream {
  readonly #client: Pick<Client<typeof EvaluationServiceService>, 'evaluateStream'>;
  readonly #questions = new Map<number, Question>();
  #duplex: Duplex<EvaluateStreamRequest> | undefined;
  #lastId = 0;

  constructor(client: Pick<Client<typeof EvaluationServiceService>, 'evaluateStream'>) {
    this.#client = client;
  }

  /**
   * @throws SluiceError `unavailable` or another kind of a broken stream, when the question may
   * not have arrived; `deadline` when no answer came; what the server says of the question itself.
   */
  ask(request: EvaluateRequest, timeoutMs: number): Promise<EvaluateResponse> {
    if (this.#questions.size >= questionsMax) {
      return Promise.reject(
        new SluiceError('exhausted', 'Too many questions wait for an answer.', { retryAfterMs: 100 }),
      );
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const settle: Question['settle'] = (result) => {
        clearTimeout(timer);
        this.#questions.delete(id);
        if (result instanceof SluiceError) reject(result);
        else resolve(result);
      };
      const timer = setTimeout(
        () => settle(new SluiceError('deadline', `No answer within ${timeoutMs} ms.`)),
        timeoutMs,
      );
      this.#questions.set(id, { settle });
      this.#duplex ??= this.#open();
      this.#duplex.write({ id, request, timeoutMs: Math.ceil(timeoutMs) });
    });
  }

  close(): void {
    this.#duplex?.cancel();
  }

  #open(): Duplex<EvaluateStreamRequest> {
    const duplex: Duplex<EvaluateStreamRequest> = this.#client.evaluateStream({
      onMessage: (response) => this.#answer(response),
      onEnd: (error) => {
        if (this.#duplex === duplex) this.#duplex = undefined;
        const reason = error ?? unavailable('the evaluator ended the stream');
        for (const { settle } of [...this.#questions.values()]) settle(reason);
      },
    });
    return duplex;
  }

  #answer({ id, result }: EvaluateStreamResponse): void {
    const question = this.#questions.get(id);
    if (!question || !result) return;
    if (result.$case === 'answer') question.settle(result.value);
    else question.settle(errorOf(result.value));
  }
}

const invalidCode = 3;
const unavailableCode = 14;

/** Only what may be repeated has to be told from the rest. */
function errorOf({ code, message }: StreamError): SluiceError {
  if (code === unavailableCode) return unavailable(message);
  return new SluiceError(code === invalidCode ? 'invalid' : 'precondition', message);
}
