import { type ParsedDocument, parseStatsigDocument, StatsigDocumentError } from '@sluice/engine';
import { invalidFields } from '@sluice/mesh';

const problemsMax = 20;

/** @throws SluiceError `invalid` with a line for each thing that makes it no such document. */
export function readDocument(field: string, text: string): ParsedDocument {
  try {
    return parseStatsigDocument(text);
  } catch (error) {
    if (!(error instanceof StatsigDocumentError)) throw error;
    const problems = error.problems.slice(0, problemsMax);
    throw invalidFields(
      problems.map(({ path, message }) => ({
        field: path === '' ? field : `${field}: ${path}`,
        message: `${message}; this must be a v2 download_config_specs document`,
      })),
    );
  }
}
