import type Docker from "dockerode";
import type { ContainerPart, GpuInjection, HardeningProfile, ReadyWhen } from "../driver.ts";
import { toGpuAccess } from "./injection.ts";
import { containerName, sha256, toLabels } from "./labels.ts";
import { type ContainerSpec, SOCKET_FOLDER } from "./part-schema.ts";

/** What the body depends on beside the spec. */
export interface ContainerPlace {
  readonly rig: string;
  readonly injection: GpuInjection;
  /** Name of the network that the operator's miners are on. */
  readonly minerNetwork: string;
}

const MIB = 1024 * 1024;
const NOBODY = "10001:10001";

/**
 * The only way from a spec to what the Engine is asked for. Every flag that isolates is a constant here; a spec only
 * fills in numbers, names and the program. `spec` must have passed `checkSpec`.
 */
export function toCreateBody(spec: ContainerSpec, place: ContainerPlace): Docker.ContainerCreateOptions {
  const { container: part, command, args, env = {} } = spec;
  const access = toGpuAccess(part.gpus, place.injection);
  const body: Docker.ContainerCreateOptions = {
    Image: part.image,
    ...(command === "" ? {} : { Entrypoint: [command] }),
    Cmd: [...args],
    Env: [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...access.env].sort(),
    User: part.user ?? NOBODY,
    StopSignal: part.stopSignal ?? "SIGTERM",
    StopTimeout: Math.ceil(spec.stopTimeout / 1000),
    Tty: false,
    OpenStdin: false,
    HostConfig: {
      ...isolation(),
      ...limitsOf(part),
      ...(access.runtime ? { Runtime: access.runtime } : {}),
      DeviceRequests: access.requests,
      NetworkMode: networkOf(part.profile, place),
      Mounts: [...volumesOf(part), ...socketOf(spec, place.rig)],
    },
  };
  const fingerprint = sha256(JSON.stringify([spec.name, spec.role, spec.gpu, body]));
  return { name: containerName(place.rig, spec.name), ...body, Labels: toLabels(place.rig, spec, fingerprint) };
}

/** The same for every container, ours or strangers'. */
const isolation = (): Docker.HostConfig => ({
  CapDrop: ["ALL"],
  CapAdd: [],
  // Seccomp's and AppArmor's default profiles hold because none is named here.
  SecurityOpt: ["no-new-privileges"],
  Privileged: false,
  ReadonlyRootfs: true,
  IpcMode: "private",
  PidMode: "",
  UTSMode: "",
  UsernsMode: "",
  PublishAllPorts: false,
  PortBindings: {},
  Binds: [],
  VolumesFrom: [],
  Links: [],
  ExtraHosts: [],
  Devices: [],
  DeviceCgroupRules: [],
  GroupAdd: [],
  AutoRemove: false,
  // Only the agent may start work on a GPU, so the Engine must not.
  RestartPolicy: { Name: "no" },
  Init: true,
  OomKillDisable: false,
  OomScoreAdj: 500,
});

function limitsOf({ limits }: ContainerPart): Docker.HostConfig {
  const { memoryMiB, cpus, pids, tmpMiB = 64, shmMiB = 64, logMiB = 10 } = limits;
  return {
    Memory: memoryMiB * MIB,
    // The same number means no swap: swapped work would take the disk down with it.
    MemorySwap: memoryMiB * MIB,
    NanoCpus: Math.round(cpus * 1e9),
    PidsLimit: pids,
    ShmSize: shmMiB * MIB,
    Tmpfs: { "/tmp": `rw,noexec,nosuid,nodev,size=${tmpMiB}m,mode=1777` },
    LogConfig: { Type: "json-file", Config: { "max-size": `${logMiB}m`, "max-file": "2" } },
    Ulimits: [
      { Name: "nofile", Soft: 4096, Hard: 4096 },
      { Name: "core", Soft: 0, Hard: 0 },
    ],
  };
}

function networkOf(profile: HardeningProfile, { minerNetwork }: ContainerPlace): string {
  switch (profile) {
    case "strangers":
      return "none";
    case "operator":
      return minerNetwork;
  }
}

const volumesOf = ({ volumes = [], profile }: ContainerPart): Docker.MountSettings[] =>
  volumes.map(({ volume, target, writable = false }) => ({
    Type: "volume",
    Source: volume,
    Target: target,
    ReadOnly: profile === "strangers" || !writable,
  }));

/** A volume in memory, because a folder of the host's would let the work fill the host's disk. */
function socketOf(spec: ContainerSpec, rig: string): Docker.MountSettings[] {
  if (socketFileOf(spec.container.ready) === undefined) return [];
  return [
    {
      Type: "volume",
      Source: socketVolume(rig, spec.name),
      Target: SOCKET_FOLDER,
      VolumeOptions: {
        NoCopy: true,
        Labels: { "rigshift.rig": rig },
        DriverConfig: {
          Name: "local",
          Options: { type: "tmpfs", device: "tmpfs", o: "size=64k,nr_inodes=32,mode=1777,nodev,nosuid,noexec" },
        },
      },
    },
  ];
}

/** The file of the work's own socket, if it has one. */
export const socketFileOf = (ready: ReadyWhen): string | undefined => ("file" in ready ? ready.file : undefined);

/** What the names of all such volumes begin with. */
export const SOCKET_VOLUME = "rigshift-socket-";

/** Short, because a socket's whole path must fit into 107 bytes. */
export const socketVolume = (rig: string, work: string): string =>
  `${SOCKET_VOLUME}${sha256(JSON.stringify([rig, work])).slice(0, 16)}`;
