import { ERRORS } from '#model/errors.ts';

const RETRY = {
  retry: 'yes, at once',
  wait: 'when the named thing has happened',
  never: 'no: change the request',
} as const;

/** docs/errors.md, made of the one table of error codes. */
export function errorPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { status, grpc, retry, about }]) => `| \`${code}\` | ${status} | ${grpc} | ${about} | ${RETRY[retry]} |`,
  );
  return [
    '<!-- Generated from model/errors.ts by `make generate`: do not edit. -->',
    '',
    '# Errors',
    '',
    'Every error says what was wrong, where, and what to do. Its code is stable; its sentence is for people and may change. REST answers',
    'carry the sentence in `status.error`, the code in `code` and the offending field, if any, in `field`; gRPC statuses carry the sentence as',
    'their message and the code in the metadata `annulus-code`.',
    '',
    '| code | HTTP | gRPC | about | does trying again help? |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
