import { run } from '@sluice/mesh';
import { readEvaluationConfig } from './config.js';
import { startEvaluation } from './service.js';

run((scope) => startEvaluation(readEvaluationConfig(process.env), scope));
