import { notFound, SluiceError } from '@sluice/mesh';
import { type EntityRef, type GetEntityResponse, Section, type Spec } from '@sluice/proto';
import type { Command } from 'commander';
import { readConditions } from '../entity-conditions.js';
import type { Host, Invocation } from '../host.js';
import { parseCountInput } from '../json-input.js';
import { type Kind, kindOfEntity, refOf } from '../kinds.js';
import type { Report } from '../report.js';
import type { Session } from '../session.js';
import { type SpecView, specDocument, specLines, specState } from '../spec-view.js';
import { storeDocument, storeLines } from '../store-view.js';
import type { Style } from '../style.js';
import { formatSince, isoTime } from '../words.js';

interface Options {
  readonly atRevision?: number;
}

/** `show` of a kind. Id lists have one of their own: they hold digests, which say nothing to people. */
export function addKindShow(parent: Command, host: Host, kind: Kind): void {
  parent
    .command('show')
    .description(kind.word === 'store' ? 'print where its parameters take their values from' : `print ${about(kind)}`)
    .argument('<name>', 'its name')
    .option('--at-revision <n>', 'as it was at this revision; the newest unless said', (text) =>
      parseCountInput('--at-revision', text, 1, Number.MAX_SAFE_INTEGER),
    )
    .addHelpText('after', `\n${jsonHelp(kind)}`)
    .action(host.onMesh<Options>((session, typed) => show(session, kind, typed)));
}

const about = ({ word }: Kind): string =>
  `its rules with their conditions${word === 'experiment' ? ', its groups and its layer' : ''}`;

const changeHelp = 'version, revision, isArchived, changedInRevision, changedAt, changedBy';

function jsonHelp({ word }: Kind): string {
  const experiment = word === 'experiment' ? '\n       isActive, layer, ownParameters, groups: [{name, weight}],' : '';
  const own =
    word === 'store'
      ? 'parameters: {<name>: {ref_type, param_type, …}}'
      : `entity, isEnabled, idType, salt, defaultValue,${experiment}
       rules: [{id, name, passPercentage, idType, returnValue, groupName, delegate,
       conditions: [{id, type, field, operator, targetValue, idType}]}]`;
  return `JSON: {name, kind, description, ${changeHelp},\n       ${own}}`;
}

async function show(
  session: Session,
  kind: Kind,
  { args: [name = ''], options }: Invocation<Options>,
): Promise<Report> {
  const answer = await read(session, kind, name, refOf(kind, name), options.atRevision ?? 0);
  const { entity, revision, isArchived, changedInRevision, changedAtMs, changedBy } = answer;
  const body = entity?.body;
  const { word } = (entity && kindOfEntity(entity)) ?? kind;
  const nowMs = Date.now();
  const version = entity?.version ?? 0;
  const head = {
    ...{ name, kind: word, description: entity?.description ?? null, version, revision, isArchived },
    ...{ changedInRevision, changedAt: isoTime(changedAtMs), changedBy },
  };
  const text = (state: readonly string[], lines: readonly string[], style: Style): string => {
    const title = [
      ...(isArchived ? [style.warn('archived')] : []),
      ...(word === 'gate' ? [] : [word]),
      ...state,
      `version ${version}`,
    ].join(' · ');
    const by = `revision ${changedInRevision}, ${formatSince(changedAtMs, nowMs)}${changedBy && ` by ${changedBy}`}`;
    const said = entity?.description === undefined ? [] : [`  ${entity.description}`];
    return [`${style.strong(name)}  ${title}`, ...said, ...lines, style.faint(`  last change in ${by}`)].join('\n');
  };
  if (body?.$case === 'paramStore') {
    const { value } = body;
    return {
      document: { ...head, ...storeDocument(value) },
      text: (style) => text([], storeLines(value, style), style),
    };
  }
  if (body?.$case !== 'gate' && body?.$case !== 'config' && body?.$case !== 'layer') throw missing(kind, name);
  const view = await viewOf(session, name, body.value, revision);
  return {
    document: { ...head, ...specDocument(view) },
    // What is archived is neither on nor running, whatever its switch says.
    text: (style) => text(specState(view.spec, style).slice(isArchived ? 1 : 0), specLines(view, style), style),
  };
}

function missing({ word }: Kind, name: string, hint = `; \`sluice ${word} list\` lists them`): SluiceError {
  return notFound(word, `there is no ${word} ${JSON.stringify(name)}${hint}`);
}

async function read(
  session: Session,
  kind: Kind,
  name: string,
  ref: EntityRef,
  revision: number,
): Promise<GetEntityResponse> {
  try {
    return await session.config.getEntity({ set: session.set, ref, revision }, session.call);
  } catch (error) {
    const isMissing = error instanceof SluiceError && error.kind === 'not_found' && error.field === 'ref.name';
    if (!isMissing) throw error;
    const history = ` as of revision ${revision}; \`sluice history ${kind.word}/${name}\` shows its own`;
    throw missing(kind, name, revision === 0 ? /; did you mean .*$/.exec(error.message)?.[0] : history);
  }
}

/** Everything is read at the revision of the spec, so that a change in between mixes nothing. */
async function viewOf(session: Session, name: string, spec: Spec, revision: number): Promise<SpecView> {
  const [conditions, layer] = await Promise.all([
    readConditions(session, spec, revision),
    spec.entity === 'experiment' && spec.hasSharedParams ? readLayer(session, name, revision) : undefined,
  ]);
  return { spec, conditions, layer };
}

async function readLayer(session: Session, name: string, revision: number): Promise<string | undefined> {
  try {
    const ref = { section: Section.EXPERIMENT_LAYER, name };
    const { entity } = await session.config.getEntity({ set: session.set, ref, revision }, session.call);
    return entity?.body?.$case === 'experimentLayer' ? entity.body.value : undefined;
  } catch (error) {
    if (error instanceof SluiceError && error.kind === 'not_found') return undefined;
    throw error;
  }
}
