const reading = /^(check|evaluate|explain|get|list|log|wait|watch)/i;

/** Whether repeating a method can't do anything twice: it reads, or carries ids that make it idempotent. */
export function isRepeatable(method: string): boolean {
  return reading.test(method);
}
