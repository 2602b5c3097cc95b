/**
 * Loaded ahead of a process's entry point (`node --import @sluice/mesh/telemetry`). Traces are
 * off unless an OTLP endpoint is set; everything else follows the standard OTEL_* variables.
 */
import { startTelemetry } from './start-telemetry.js';

await startTelemetry(process.env);
