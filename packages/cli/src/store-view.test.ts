import assert from 'node:assert/strict';
import { parseAuthoring } from '@sluice/codec';
import { sourceWords, storeDocument, storeLines } from './store-view.js';
import { plainStyle } from './style.js';

const [entity] = parseAuthoring(
  `
project: shop
stores:
  texts:
    parameters:
      title: {value: Hello}
      size: {gate: beta, on: big, off: small}
      color: {config: theme, parameter: main_color, type: string}
      steps: {layer: checkout, type: number}
      label: {experiment: button, type: string}
`,
  { isPart: true },
);
const store = entity?.body?.$case === 'paramStore' ? entity.body.value : assert.fail('no store');

describe('a parameter store', () => {
  it('is a table of sources, by name', () => {
    assert.deepEqual(storeLines(store, plainStyle).join('\n').split('\n'), [
      '  PARAMETER  TYPE    VALUE',
      '  color      string  main_color of config theme',
      '  label      string  label of experiment button',
      '  size       string  "big" if gate beta passes, else "small"',
      '  steps      number  steps of layer checkout',
      '  title      string  "Hello"',
    ]);
    assert.deepEqual(storeLines({ ...store, parameters: {} }, plainStyle), ['  no parameters']);
  });

  it('shows a source that is not known as it is', () => {
    const bodyJson = '{"ref_type":"moon","phase":1}';
    assert.equal(sourceWords({ refType: 'moon', paramType: '', bodyJson }), bodyJson);
  });

  it('is whole for programs', () => {
    const { parameters } = storeDocument(store);
    assert.deepEqual((parameters as Record<string, unknown>).title, {
      ref_type: 'static',
      param_type: 'string',
      value: 'Hello',
    });
  });
});
