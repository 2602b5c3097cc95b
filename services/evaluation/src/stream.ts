import { type Answer, type Call, invalid, SluiceError, statusOf } from '@sluice/mesh';
import type { EvaluateResponse, EvaluateStreamRequest, EvaluateStreamResponse } from '@sluice/proto';
import type { Patience } from './basis.js';
import { evaluate, type Handling } from './handlers.js';
import { streamWaitMs } from './limits.js';

/** Evaluates question by question; a bad one gets an error of its own, and the stream goes on. */
export function evaluateStream(handling: Handling, call: Call): Answer<EvaluateStreamRequest, EvaluateStreamResponse> {
  return (question) => {
    const { id } = question;
    const succeed = (value: EvaluateResponse): EvaluateStreamResponse => ({ id, result: { $case: 'answer', value } });
    const fail = (error: unknown): EvaluateStreamResponse => failure(id, error, call);
    try {
      const answer = ask(handling, question, call);
      return answer instanceof Promise ? answer.then(succeed, fail) : succeed(answer);
    } catch (error) {
      return fail(error);
    }
  };
}

function ask(handling: Handling, { request, timeoutMs }: EvaluateStreamRequest, call: Call) {
  if (!request) throw invalid('request', 'is missing; say what to decide, and for whom');
  return evaluate(handling, request, call, patienceOf(call, timeoutMs || streamWaitMs));
}

/** Read only by questions that have to wait. */
function patienceOf(call: Call, timeoutMs: number): Patience {
  return {
    remainingMs: () => timeoutMs,
    get signal() {
      return call.signal;
    },
  };
}

function failure(id: number, error: unknown, call: Call): EvaluateStreamResponse {
  const { code, details: message = '' } = statusOf(error);
  if (!(error instanceof SluiceError)) call.logger.error({ err: error }, 'question failed');
  const field = error instanceof SluiceError ? (error.field ?? '') : '';
  return { id, result: { $case: 'error', value: { code, message, field } } };
}
