import { AnnulusError } from '#model/errors.ts';
import type { Request } from './messages.ts';
import type { OpenCopies } from './open-copies.ts';
import { unpackWrite } from './pack.ts';
import { retrieve, scroll } from './read.ts';
import { search } from './search.ts';

/** Does one call in the worker; a promise is answered when it settles, later calls do not wait for it. */
export function dispatch(copies: OpenCopies, request: Request): unknown {
  const { method, args } = request;
  switch (method) {
    case 'open':
      return copies.open(args[0]);
    case 'close':
      return copies.close(args[0]);
    case 'shutdown':
      return copies.closeAll();
    case 'stats':
      return copies.stats(args[0]);
    case 'configure':
      copies.get(args[0]).copy.configure(args[1]);
      return undefined;
    case 'append':
      return copies.get(args[0]).copy.append(args[1], args[2].map(unpackWrite));
    case 'apply':
      return copies.get(args[0]).copy.apply(args[1], args[2]);
    case 'readLog':
      return copies.get(args[0]).copy.readLog(args[1], args[2]);
    case 'trimLog':
      copies.get(args[0]).copy.trimLog(args[1]);
      return undefined;
    case 'search':
      return search(copies.get(args[0]).copy, args[1]);
    case 'retrieve':
      return retrieve(copies.get(args[0]).copy, args[1], args[2]);
    case 'scroll':
      return scroll(copies.get(args[0]).copy, args[1]);
    case 'count':
      return copies.get(args[0]).copy.count(args[1]);
    case 'openExport':
    case 'readExport':
    case 'closeExport':
    case 'beginImport':
    case 'importBatch':
    case 'finishImport':
    case 'digest':
      throw new AnnulusError('ANN_INTERNAL', `${method} is not built yet`);
  }
}
