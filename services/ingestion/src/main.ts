import { run } from '@sluice/mesh';
import { readIngestionConfig } from './config.js';
import { startIngestion } from './service.js';

run((scope) => startIngestion(readIngestionConfig(process.env), scope));
