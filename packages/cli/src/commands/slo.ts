import type { BurnRate, Slo } from '@sluice/proto';
import type { Command } from 'commander';
import type { Host } from '../host.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import type { Style } from '../style.js';
import { formatTable } from '../table.js';
import { formatAge } from '../words.js';

export function addSlo(parent: Command, host: Host): void {
  parent
    .command('slo')
    .description('how each region does against its objectives, and how much error budget is left')
    .option('--region <name>', 'only this region')
    .addHelpText(
      'after',
      `\nJSON: {slos: [{region, name, description, objective, windowMs, total, good, budgetLeft,
       burnRates: [{threshold, severity, longWindowMs, longRate, shortWindowMs, shortRate, isFiring}]}]}`,
    )
    .action(host.onMesh<{ region?: string }>((session, { options }) => showSlo(session, options.region ?? '')));
}

async function showSlo(session: Session, region: string): Promise<Report> {
  const { slos } = await session.health.getSlo({ region }, session.call);
  return {
    document: { slos },
    text: (style) => (slos.length === 0 ? 'nothing was probed yet' : tableOf(slos, style)),
  };
}

function tableOf(slos: readonly Slo[], style: Style): string {
  const right = 'right' as const;
  const rows = slos.map((slo) => [
    slo.region,
    style.strong(slo.name),
    percent(slo.objective, 2),
    slo.total === 0 ? '' : percent(slo.good / slo.total, 3),
    budgetText(slo, style),
    alertText(slo.burnRates, style),
    slo.description,
  ]);
  const titles = [
    { title: 'REGION' },
    { title: 'OBJECTIVE' },
    { title: 'GOAL', align: right },
    { title: 'GOOD', align: right },
    { title: 'BUDGET LEFT', align: right },
    { title: 'ALERT' },
    { title: 'GOOD MEANS' },
  ];
  return formatTable(titles, rows, style);
}

const percent = (share: number, digits: number): string => `${(share * 100).toFixed(digits)} %`;

function budgetText({ budgetLeft }: Slo, style: Style): string {
  const text = percent(budgetLeft, 1);
  if (budgetLeft <= 0) return style.bad(text);
  return budgetLeft < 0.25 ? style.warn(text) : text;
}

function alertText(rates: readonly BurnRate[], style: Style): string {
  const firing = rates.find(({ isFiring }) => isFiring);
  if (!firing) return style.good('none');
  const { severity, longRate, longWindowMs } = firing;
  return style.bad(`${severity}: ${longRate.toFixed(1)}× over ${formatAge(longWindowMs)}`);
}
