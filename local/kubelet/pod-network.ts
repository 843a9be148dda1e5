/** A network that pods have instead of loopback IPs: one that a test has made, and may cut. */
export interface PodNetwork {
  /** First three numbers of every pod's IP, `a.b.c`. */
  readonly subnet: string;
  /** Makes a place with that IP, where there is none yet. Gives the words that, before a command line, run it there. */
  enter(ip: string): Promise<readonly string[]>;
}
