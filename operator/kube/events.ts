import { hash } from 'node:crypto';
import type { Logger } from 'pino';
import type { KubeApi } from './api.ts';
import { errorText, isAlreadyExists } from './errors.ts';
import { numberAt } from './json.ts';
import type { KubeObject } from './object.ts';
import { RESOURCES } from './resources.ts';

/** What a person should read in `kubectl describe`. */
export interface EventNote {
  type: 'Normal' | 'Warning';
  /** One CamelCase word, constant in the code. */
  reason: string;
  message: string;
}

const MAX_MESSAGE = 1000;
/** Events of the last hours that are counted up instead of made anew. */
const MAX_KNOWN = 1000;

/** Writes events; the same note about the same object is one event whose count grows. Failures are logged, never thrown. */
export class EventRecorder {
  readonly #api: KubeApi;
  readonly #log: Logger;
  readonly #reporter: string;
  readonly #counts = new Map<string, number>();

  constructor(api: KubeApi, log: Logger, reporter: string) {
    this.#api = api;
    this.#log = log;
    this.#reporter = reporter;
  }

  /** Records a note about an object. */
  async record(about: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>, note: EventNote): Promise<void> {
    try {
      await this.#write(about, note);
    } catch (error) {
      this.#log.warn({ reason: note.reason, object: about.metadata.name, err: errorText(error) }, 'event not written');
    }
  }

  async #write(about: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>, note: EventNote): Promise<void> {
    const namespace = about.metadata.namespace ?? 'default';
    const name = eventName(about, note);
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const known = this.#counts.get(name);
    if (known === undefined) {
      try {
        await this.#api.create(RESOURCES.Event, this.#event(about, note, namespace, name, now));
        this.#remember(name, 1);
        return;
      } catch (error) {
        if (!isAlreadyExists(error)) throw error;
      }
    }
    const before = known ?? numberAt(await this.#api.get(RESOURCES.Event, namespace, name), 'count');
    await this.#api.mergePatch(RESOURCES.Event, namespace, name, { count: before + 1, lastTimestamp: now });
    this.#remember(name, before + 1);
  }

  #event(
    about: Pick<KubeObject, 'apiVersion' | 'kind' | 'metadata'>,
    note: EventNote,
    namespace: string,
    name: string,
    now: string,
  ): KubeObject {
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        namespace,
        name: about.metadata.name,
        uid: about.metadata.uid,
        resourceVersion: about.metadata.resourceVersion,
      },
      type: note.type,
      reason: note.reason,
      message: note.message.slice(0, MAX_MESSAGE),
      source: { component: 'annulus-operator' },
      reportingComponent: 'annulus.dev/operator',
      reportingInstance: this.#reporter,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
    };
  }

  #remember(name: string, count: number): void {
    this.#counts.delete(name);
    this.#counts.set(name, count);
    const oldest = this.#counts.keys().next().value;
    if (this.#counts.size > MAX_KNOWN && oldest !== undefined) this.#counts.delete(oldest);
  }
}

function eventName(about: Pick<KubeObject, 'kind' | 'metadata'>, note: EventNote): string {
  const identity = [about.kind, about.metadata.uid, note.type, note.reason, note.message].join('\n');
  return `${about.metadata.name.slice(0, 200)}.${hash('sha256', identity, 'hex').slice(0, 16)}`;
}
