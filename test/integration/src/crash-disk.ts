/**
 * A disk that can lose power: a file system of its own, in an image file. What was not synced when
 * the power goes is gone, as the image is copied under the feet of a running system, and the copy
 * is what comes back. Needs root and loop devices.
 */
import { execFile } from 'node:child_process';
import { copyFile, cp, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProcess } from '@sluice/testkit';

const run = promisify(execFile);
const megabytes = 768;

export interface CrashDisk {
  /** Ends the process, and takes from its disk what was not synced. It is not started again. */
  losePower(): Promise<void>;
  /** Unmounts, with the process ended. */
  remove(): Promise<void>;
}

/** Why there can be none here; undefined when there can. */
export async function noCrashDisk(): Promise<string | undefined> {
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
export async function crashDisk(server: TestProcess, dataFolder: string, folder: string): Promise<CrashDisk> {
  let image = join(folder, 'disk-0.img');
  let copies = 0;
  await mkdir(folder, { recursive: true });
  await run('truncate', ['-s', `${megabytes}M`, image]);
  await run('mkfs.ext4', ['-q', '-E', 'nodiscard', image]);
  await server.stop();
  const kept = join(folder, 'kept');
  const { uid, gid } = await stat(dataFolder);
  await cp(dataFolder, kept, { recursive: true, preserveTimestamps: true });
  await rm(dataFolder, { recursive: true });
  await mkdir(dataFolder);
  await mount(image, dataFolder);
  try {
    await cp(kept, dataFolder, { recursive: true, preserveTimestamps: true });
    await run('chown', ['-R', `${uid}:${gid}`, dataFolder]);
    await run('sync', ['-f', dataFolder]);
    await server.start();
  } catch (error) {
    await server.stop();
    await unmount(dataFolder);
    throw error;
  }
  return {
    losePower: async () => {
      // Nobody syncs, and nobody is told of a sync, while the disk is looked at.
      server.signal('SIGSTOP');
      const copy = join(folder, `disk-${++copies}.img`);
      await copyFile(image, copy);
      await server.kill();
      await unmount(dataFolder);
      await rm(image);
      image = copy;
      await mount(image, dataFolder);
    },
    remove: async () => {
      await unmount(dataFolder);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What is dirty stays in memory until somebody syncs: the file system's own timer must not save what we want to lose. */
async function mount(image: string, at: string): Promise<void> {
  await run('mount', ['-o', 'loop,commit=300', image, at]);
}

async function unmount(at: string): Promise<void> {
  await run('umount', ['-l', at]);
}
