/** What the guardian is told, one JSON object per line. */
export type Charge =
  | {
      readonly kind: 'child';
      readonly pid: number;
      readonly startTime: string;
      readonly stopSignal: 'SIGTERM' | 'SIGINT' | 'SIGQUIT';
    }
  | { readonly kind: 'ended'; readonly pid: number }
  /** A supervised stack with its run file in this folder. */
  | { readonly kind: 'stack'; readonly root: string }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'removed'; readonly path: string };

export const writeCharge = (charge: Charge): string => `${JSON.stringify(charge)}\n`;

export const readCharge = (line: string): Charge => JSON.parse(line) as Charge;
