/** What is wrong in the API types, and where; the message says what to do. */
export class SourceProblem extends Error {
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`);
    this.name = 'SourceProblem';
  }
}

/** A place in a source file, for messages. */
export interface Place {
  file: string;
  line: number;
}

/** Stops the generation at a place in the source. */
export function fail(place: Place, message: string): never {
  throw new SourceProblem(place.file, place.line, message);
}
