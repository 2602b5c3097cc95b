import type { Command } from 'commander';

/** All commands on one page of Markdown: what each says to `--help`, and the options of all of them once. */
export function referencePage(program: Command): string {
  const head = ['# The `sluice` command', '', '<!-- Made by `make generate` from the commands themselves. -->', ''];
  const sections = leavesOf(program).flatMap((leaf) => ['', `## ${pathOf(leaf)}`, '', ...fenced(ownHelp(leaf))]);
  return `${[...head, ...fenced(helpOf(program)), ...sections].join('\n')}\n`;
}

function leavesOf(command: Command): Command[] {
  const children = command.commands;
  return children.length === 0 ? [command] : children.flatMap(leavesOf);
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Caught on its way to the terminal: commander hands out no text with what `addHelpText` was given. */
function helpOf(command: Command): string {
  const parts: string[] = [];
  const terminal = command.configureOutput();
  command.configureOutput({ ...terminal, writeOut: (text) => void parts.push(text) });
  command.outputHelp();
  command.configureOutput(terminal);
  return parts.join('').trimEnd();
}

function ownHelp(command: Command): string {
  return helpOf(command)
    .replace(/\nGlobal Options:\n(?: .*\n)*/, '')
    .replace(/\n {2}-h, --help .*/, '')
    .replace(/\nOptions:\n(?! )/, '\n');
}

const fenced = (text: string): string[] => ['```', text, '```'];
