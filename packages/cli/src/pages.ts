import { SluiceError } from '@sluice/mesh';

/** Far above any real project: a server that never ends its pages must not hold us. */
const pagesMax = 1_000;

/** One page of a list, as servers give it. */
interface Page {
  readonly nextPageToken: string;
}

/** Every page of a list, first to last. @throws SluiceError `exhausted` rather than leave something out. */
export async function readPages<P extends Page>(ask: (pageToken: string) => Promise<P>): Promise<P[]> {
  const pages: P[] = [];
  let pageToken = '';
  do {
    if (pages.length === pagesMax)
      throw new SluiceError('exhausted', `The list has more than ${pagesMax} pages; narrow it down.`);
    const page = await ask(pageToken);
    pages.push(page);
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return pages;
}
