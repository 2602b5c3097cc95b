/**
 * A disk that can lose power, and be full: a file system of its own, in an image file. What was not
 * synced when the power goes is gone, as the image is copied under the feet of a system that is held,
 * and the copy is what comes back. Needs root and loop devices.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProcess } from '@sluice/testkit';
import { familyOf, signalAll } from './process-family.js';

const run = promisify(execFile);
const megabytes = 768;

export interface HarshDisk {
  /** Ends the process, and takes from its disk what was not synced. It is not started again. */
  losePower(): Promise<void>;
  /** The moment in which the power goes: from here on nothing is written, synced or said. `losePower` finishes it. */
  hold(): void;
  /** Takes all of its room away. */
  fill(): Promise<void>;
  /** Gives it back. */
  clear(): Promise<void>;
  /** Unmounts, with the process ended. */
  remove(): Promise<void>;
}

/** Why there can be none here; undefined when there can. */
export async function noHarshDisk(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'it needs root';
  try {
    await run('mkfs.ext4', ['-V']);
    await run('losetup', ['--find']);
    return undefined;
  } catch (error) {
    return `it needs mkfs.ext4 and loop devices: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
}

/** Moves the data of a server onto a disk that can lose power; the server is restarted. `folder` is for the images. */
export async function harshDisk(server: TestProcess, dataFolder: string, folder: string): Promise<HarshDisk> {
  let image = join(folder, 'disk-0.img');
  let copies = 0;
  await mkdir(folder, { recursive: true });
  await run('truncate', ['-s', `${megabytes}M`, image]);
  await run('mkfs.ext4', ['-q', '-m', '0', '-E', 'nodiscard', image]);
  await server.stop();
  const kept = join(folder, 'kept');
  const { uid, gid, mode } = await stat(dataFolder);
  await cp(dataFolder, kept, { recursive: true, preserveTimestamps: true });
  await rm(dataFolder, { recursive: true });
  await mkdir(dataFolder);
  await mount(image, dataFolder);
  try {
    await cp(kept, dataFolder, { recursive: true, preserveTimestamps: true });
    await run('chown', ['-R', `${uid}:${gid}`, dataFolder]);
    // PostgreSQL looks at who may read its folder.
    await chmod(dataFolder, mode);
    await run('sync', ['-f', dataFolder]);
    await server.start();
  } catch (error) {
    await server.stop();
    await unmount(dataFolder);
    throw error;
  }
  // Nobody syncs, and nobody is told of a sync, while the disk is looked at.
  const hold = (): number[] => {
    const family = familyOf(server.pid);
    signalAll(family, 'SIGSTOP');
    return family;
  };
  return {
    hold,
    losePower: async () => {
      const family = hold();
      const copy = join(folder, `disk-${++copies}.img`);
      // Not what was never written: nearly all of it.
      await run('cp', ['--sparse=always', image, copy]);
      await server.kill();
      // Who is stopped does not see that its parent is gone.
      signalAll(family, 'SIGKILL');
      await unmount(dataFolder);
      await rm(image);
      image = copy;
      await mount(image, dataFolder);
      // That it was removed may not have been synced.
      await rm(join(dataFolder, filler), { force: true });
    },
    fill: () => fillUp(join(dataFolder, filler)),
    clear: () => rm(join(dataFolder, filler), { force: true }),
    remove: async () => {
      await unmount(dataFolder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const filler = 'filler';
const blockBytes = 1024 * 1024;

/** Large pieces first, then what is left between them. */
async function fillUp(path: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let bytes = blockBytes; bytes >= 4_096; bytes /= 4) {
      const block = Buffer.alloc(bytes, 1);
      while (await hasRoomFor(file, block));
    }
  } finally {
    await file.close();
  }
}

async function hasRoomFor(file: FileHandle, block: Buffer): Promise<boolean> {
  try {
    await file.appendFile(block);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

/** What is dirty stays in memory until somebody syncs: the file system's own timer must not save what we want to lose. */
async function mount(image: string, at: string): Promise<void> {
  await run('mount', ['-o', 'loop,commit=300', image, at]);
}

async function unmount(at: string): Promise<void> {
  await run('umount', ['-l', at]);
}
