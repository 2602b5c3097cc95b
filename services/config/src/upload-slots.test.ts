import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import { UploadSlots } from './upload-slots.js';

const full = (message: RegExp) => (error: unknown) =>
  error instanceof SluiceError && error.kind === 'exhausted' && message.test(error.message);

describe('slots for uploads', () => {
  it('are two for a project, and others have theirs', () => {
    const slots = new UploadSlots();
    const giveBack = slots.take('shop');
    slots.take('shop');
    assert.throws(() => slots.take('shop'), full(/^2 id lists of shop are being uploaded/));
    slots.take('bank');
    giveBack();
    slots.take('shop');
    assert.throws(() => slots.take('shop'), full(/of shop/));
  });

  it('are eight in all', () => {
    const slots = new UploadSlots();
    const taken = Array.from({ length: 8 }, (_, at) => slots.take(`p${at}`));
    assert.throws(() => slots.take('ninth'), full(/^8 id lists are being uploaded/));
    taken[3]?.();
    slots.take('ninth');
  });
});
