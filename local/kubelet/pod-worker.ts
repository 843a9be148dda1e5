import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ApiError } from '../kube-api/api-types.ts';
import type { KubeObject, KubeStore } from '../kube-api/api-types.ts';
import { jsonEqual } from '../kube-api/json.ts';
import type { JsonObject } from '../kube-api/json.ts';
import { isLive, newContainer, nextTick, stepContainer } from './container.machine.ts';
import type { Backoff, Container, ContainerEvent } from './container.machine.ts';
import type { ContainerLog } from './container-log.ts';
import { startProcess } from './container-process.ts';
import type { ContainerProcess } from './container-process.ts';
import type { EventRecorder } from './event-recorder.ts';
import { missingImageMessage } from './image.ts';
import type { ImageTable } from './image.ts';
import type { KubeletLogger } from './kubelet.ts';
import { planLaunch } from './launch.ts';
import type { Launch } from './launch.ts';
import type { LogStore } from './log-store.ts';
import type { PodNetwork } from './pod-network.ts';
import { parsePodSpec } from './pod-spec.ts';
import type { ContainerSpec, PodSpec } from './pod-spec.ts';
import { planPodStatus, recordedContainer } from './pod-status.plan.ts';
import { runProbes } from './probe-runner.ts';
import { PODS, keyOf } from './resources.ts';
import { holderOf } from './volume-lock.ts';
import { MountError, claimLock, claimsOf, prepareVolumes } from './volumes.ts';
import type { VolumeSources } from './volumes.ts';

/** How soon a start that waits for an object or a lock is tried again, milliseconds. */
const RETRY_MS = 300;
/** Volumes that cannot be mounted become an event after this long, milliseconds. */
const MOUNT_PATIENCE_MS = 3_000;
/** A pod whose object is gone already (force-deleted) gets this long to stop, milliseconds. */
const FORCED_GRACE_MS = 1_000;

export interface PodWorkerOptions {
  readonly store: KubeStore;
  readonly stateDir: string;
  readonly images: ImageTable;
  readonly backoff: Backoff;
  readonly logs: LogStore;
  readonly sources: VolumeSources;
  readonly events: EventRecorder;
  readonly logger: KubeletLogger;
  readonly podIP: string;
  readonly network: PodNetwork | undefined;
  readonly mayStart: () => boolean;
  /** Variables that every container gets besides its own. */
  readonly baseEnv: Readonly<Record<string, string>>;
  /** Working folder of the processes. */
  readonly cwd: string;
}

interface Run {
  readonly spec: ContainerSpec;
  readonly log: ContainerLog;
  machine: Container;
  process: ContainerProcess | undefined;
  probes: AbortController | undefined;
  started: boolean;
  ready: boolean;
}

/** Runs one pod: the thin shell around container.machine.ts. `done` resolves when no process of it is left. */
export class PodWorker {
  readonly uid: string;
  readonly done: Promise<void>;
  private readonly options: PodWorkerOptions;
  private readonly spec: PodSpec;
  private readonly runs: Run[];
  private readonly startTime: number;
  private readonly createdAt = Date.now();
  private pod: KubeObject;
  private ending: 'no' | 'deleted' | 'removed' | 'shutdown' = 'no';
  private timer: NodeJS.Timeout | undefined;
  private published: JsonObject | undefined;
  private publishing: Promise<void> | undefined;
  private dirty = false;
  private finished = false;
  private finish: () => void = () => undefined;

  constructor(pod: KubeObject, options: PodWorkerOptions) {
    const now = Date.now();
    const { namespace = '', name, uid } = pod.metadata;
    this.pod = pod;
    this.uid = uid;
    this.options = options;
    this.spec = parsePodSpec(pod.spec);
    this.startTime = Date.parse(String(pod.status?.['startTime'] ?? '')) || now;
    this.published = pod.status;
    this.runs = this.spec.containers.map((spec) => ({
      spec,
      log: options.logs.log(namespace, name, uid, spec.name),
      machine: newContainer(now, recordedContainer(pod.status, spec.name, now)),
      process: undefined,
      probes: undefined,
      started: false,
      ready: false,
    }));
    this.done = new Promise((resolve) => (this.finish = resolve));
    this.publish();
    this.update(pod);
    this.tick();
  }

  /** Takes in a new version of the object. */
  update(pod: KubeObject): void {
    this.pod = pod;
    const { deletionTimestamp, deletionGracePeriodSeconds: grace } = pod.metadata;
    if (deletionTimestamp === undefined || this.ending !== 'no') return;
    this.end('deleted', (grace ?? this.spec.graceSeconds) * 1000);
  }

  /** The object is gone without our doing: whatever runs ends now. */
  removed(): void {
    this.end('removed', FORCED_GRACE_MS);
  }

  /** Stops the processes and keeps the object: the launcher ends. */
  async shutdown(limitMs: number): Promise<void> {
    this.end('shutdown', Math.min(limitMs, this.spec.graceSeconds * 1000));
    await this.done;
  }

  /** A Secret or ConfigMap changed: mounted files follow, as in Kubernetes. */
  refreshFiles(): void {
    if (this.ending !== 'no' || !this.runs.some((run) => run.process !== undefined)) return;
    try {
      this.prepare();
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
    }
  }

  private end(how: 'deleted' | 'removed' | 'shutdown', graceMs: number): void {
    if (this.ending === 'removed') return;
    const again = this.ending !== 'no';
    this.ending = how;
    if (!again && how !== 'shutdown') {
      for (const run of this.runs.filter((each) => isLive(each.machine))) {
        this.event('Normal', 'Killing', `Stopping container ${run.spec.name}`);
      }
    }
    // A container that waits while the launcher ends still waits when it comes back: its status stays.
    const asked = how === 'shutdown' ? this.runs.filter((run) => isLive(run.machine)) : this.runs;
    for (const run of asked) this.advance(run, { type: 'stop', graceMs, final: true });
    this.finishIfEnded();
  }

  private tick(): void {
    const due = this.ending === 'no' ? this.runs : this.runs.filter((run) => isLive(run.machine));
    for (const run of due) this.advance(run, { type: 'tick' });
  }

  private advance(run: Run, event: ContainerEvent): void {
    const policy = { image: run.spec.image, restart: this.spec.restartPolicy, backoff: this.options.backoff };
    const step = stepContainer(run.machine, event, Date.now(), policy);
    run.machine = step.container;
    for (const action of step.actions) {
      if (action === 'start') void this.start(run);
      else if (action === 'terminate') run.process?.terminate();
      else run.process?.kill();
    }
    this.schedule();
    this.publish();
    this.finishIfEnded();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    const next = this.runs.map((run) => nextTick(run.machine)).filter((at) => at !== undefined);
    if (next.length === 0) return;
    this.timer = setTimeout(() => this.tick(), Math.max(0, Math.min(...next) - Date.now()) + 1);
  }

  private async start(run: Run): Promise<void> {
    const failed = (reason: string, message: string, retryMs?: number): void =>
      this.advance(run, { type: 'startFailed', reason, message, ...(retryMs === undefined ? {} : { retryMs }) });
    try {
      const program = this.options.images(run.spec.image);
      if (program === undefined) {
        const message = missingImageMessage(run.spec.image);
        this.event('Warning', 'Failed', `Failed to pull image "${run.spec.image}": ${message}`);
        return failed('ErrImagePull', message);
      }
      if (this.spec.unsupported.length > 0) {
        const what = this.spec.unsupported.join('; ');
        return failed('CreateContainerConfigError', `embedded mode does not support: ${what}`);
      }
      if (!this.options.mayStart()) return failed('ContainerCreating', 'it is held down', RETRY_MS);
      const { podIP, sources, baseEnv } = this.options;
      const folders = this.prepare();
      const launch = planLaunch({
        pod: this.pod,
        container: run.spec,
        entrypoint: program,
        folders,
        podIP,
        sources,
        baseEnv,
      });
      if (!launch.ok) return failed('CreateContainerConfigError', launch.message, RETRY_MS);
      const held = this.locks()
        .map(holderOf)
        .find((holder) => holder !== undefined);
      if (held !== undefined) {
        return failed('ContainerCreating', `its volume is still in use by process ${held.pid}`, RETRY_MS);
      }
      await this.spawn(run, launch);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (!(error instanceof MountError)) return failed('RunContainerError', message);
      // Claims and Secrets made together with the pod come a moment later: that is no event yet.
      if (Date.now() - this.createdAt > MOUNT_PATIENCE_MS) this.event('Warning', 'FailedMount', message);
      failed('ContainerCreating', message, RETRY_MS);
    }
  }

  private prepare(): ReadonlyMap<string, string> {
    const { stateDir, podIP, sources } = this.options;
    return prepareVolumes(stateDir, this.podDir(), this.pod, this.spec, podIP, sources);
  }

  /** Files that say which process works on the pod's claims. */
  private locks(): string[] {
    const namespace = this.pod.metadata.namespace ?? '';
    return claimsOf(this.spec).map((claim) => claimLock(this.options.stateDir, namespace, claim));
  }

  private async spawn(run: Run, launch: Launch): Promise<void> {
    const record = join(this.options.stateDir, 'processes', `${this.uid}_${run.spec.name}.json`);
    const place = (await this.options.network?.enter(this.options.podIP)) ?? [];
    run.process = await startProcess({
      command: [...place, ...launch.command],
      env: launch.env,
      cwd: this.options.cwd,
      log: run.log,
      run: run.machine.restartCount,
      records: [...this.locks(), record],
    });
    this.event('Normal', 'Started', `Started container ${run.spec.name}`);
    void run.process.ended.then((end) => {
      run.process = undefined;
      run.probes?.abort();
      run.started = false;
      run.ready = false;
      this.options.logger.info(
        { pod: keyOf(this.pod), container: run.spec.name, exitCode: end.exitCode },
        'container ended',
      );
      this.advance(run, { type: 'exited', ...end });
      if (run.machine.state.kind === 'waiting' && run.machine.state.reason === 'CrashLoopBackOff') {
        this.event('Warning', 'BackOff', `Back-off restarting failed container ${run.spec.name}`);
      }
    });
    run.probes = new AbortController();
    this.advance(run, { type: 'started' });
    void runProbes(run.spec, this.options.podIP, this.listener(run), run.probes.signal);
  }

  private listener(run: Run) {
    return {
      started: () => {
        run.started = true;
        this.publish();
      },
      ready: (ready: boolean) => {
        run.ready = ready;
        this.publish();
      },
      failed: (kind: 'startup' | 'readiness' | 'liveness', message: string) => {
        const word = kind[0]?.toUpperCase() + kind.slice(1);
        this.event('Warning', 'Unhealthy', `${word} probe failed: ${message}`);
        if (kind === 'readiness') return;
        this.event('Normal', 'Killing', `Container ${run.spec.name} failed ${kind} probe, will be restarted`);
        this.advance(run, { type: 'stop', graceMs: this.spec.graceSeconds * 1000, final: false });
      },
    };
  }

  private finishIfEnded(): void {
    if (this.ending === 'no' || this.finished) return;
    if (this.runs.some((run) => isLive(run.machine) || run.process !== undefined)) return;
    this.finished = true;
    clearTimeout(this.timer);
    void this.settle().finally(() => this.finish());
  }

  /** The last writes: the final status, and for a deleted pod the removal of the object and its folders. */
  private async settle(): Promise<void> {
    while (this.publishing !== undefined) await this.publishing;
    if (this.ending === 'shutdown') return;
    const { namespace = '', name } = this.pod.metadata;
    this.options.logs.remove(namespace, name);
    rmSync(this.podDir(), { recursive: true, force: true });
    if (this.ending === 'removed') return;
    try {
      await this.options.store.delete(PODS, namespace, name, {
        gracePeriodSeconds: 0,
        preconditions: { uid: this.uid },
      });
    } catch (error) {
      if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) {
        this.options.logger.error({ err: error, pod: keyOf(this.pod) }, 'removing the pod object failed');
      }
    }
  }

  private podDir(): string {
    const { namespace = '', name, uid } = this.pod.metadata;
    return join(this.options.stateDir, 'pods', `${namespace}_${name}_${uid}`);
  }

  /** Writes the status if it differs from the one written last; one write at a time, the newest state wins. */
  private publish(): void {
    this.dirty = true;
    this.publishing ??= this.publishLoop().finally(() => {
      this.publishing = undefined;
      if (this.dirty && this.ending !== 'removed') this.publish();
    });
  }

  private async publishLoop(): Promise<void> {
    while (this.dirty && this.ending !== 'removed') {
      this.dirty = false;
      const status = this.status();
      if (this.published !== undefined && jsonEqual(status, this.published)) continue;
      const { namespace = '', name } = this.pod.metadata;
      try {
        const patch = { metadata: { uid: this.uid }, status };
        const written = await this.options.store.patch(PODS, namespace, name, patch, { subresource: 'status' });
        this.published = status;
        if (written.metadata.uid === this.uid) this.pod = { ...this.pod, status: written.status ?? {} };
      } catch (error) {
        const gone = error instanceof ApiError && (error.code === 404 || error.code === 409);
        if (!gone) this.options.logger.error({ err: error, pod: keyOf(this.pod) }, 'writing the pod status failed');
        return;
      }
    }
  }

  private status(): JsonObject {
    return planPodStatus({
      uid: this.uid,
      containers: this.runs.map((run) => ({
        spec: run.spec,
        container: run.machine,
        started: run.started,
        ready: run.ready,
      })),
      restart: this.spec.restartPolicy,
      podIP: this.options.podIP,
      startTime: this.startTime,
      now: Date.now(),
      before: this.published,
    });
  }

  private event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.options.events.record(this.pod, type, reason, message);
  }
}
