import { stripTypeScriptTypes } from 'node:module';

/** Jest transform: replaces types by spaces, so that line and column numbers stay true. */
export default {
  process: (source) => ({ code: stripTypeScriptTypes(source, { mode: 'strip' }) }),
};
