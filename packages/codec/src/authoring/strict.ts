import { z } from 'zod';
import { didYouMean } from '../suggest.js';

/** An object that refuses unknown fields, naming the one that was probably meant. */
export function strict<S extends z.ZodRawShape>(shape: S) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const key = String((issue as unknown as { keys: string[] }).keys[0]);
      return `unknown field${didYouMean(key, known) || `; known are ${known.join(', ')}`}`;
    },
  });
}
