/** Each method of the mesh is in `repeatable.test.ts`, on one side or the other. */
const reading = /^(check|describe|diff|evaluate|explain|get|initialize|list|log|tail|verify|wait|watch)/i;

/** Whether repeating a method can't do anything twice: it reads, or carries ids that make it idempotent. */
export function isRepeatable(method: string): boolean {
  return reading.test(method);
}
