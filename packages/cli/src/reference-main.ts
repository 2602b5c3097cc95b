/** Prints docs/cli.md. */
import { processIo } from './io.js';
import { createProgram } from './program.js';
import { referencePage } from './reference.js';

const io = processIo();
io.out(referencePage(createProgram(io).program));
