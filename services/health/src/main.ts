import { run } from '@sluice/mesh';
import { readHealthConfig } from './config.js';
import { startHealth } from './service.js';

run((scope) => startHealth(readHealthConfig(process.env), scope));
