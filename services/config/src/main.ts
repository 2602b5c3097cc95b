import { run } from '@sluice/mesh';
import { readConfigConfig } from './config.js';
import { startConfig } from './service.js';

run((scope) => startConfig(readConfigConfig(process.env), scope));
