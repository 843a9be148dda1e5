/** Ports of DESIGN section 7, the same in pods and in embedded mode. */
export const PORTS = { rest: 6333, grpc: 6334, node: 6335, gossip: 6336, clusterApi: 6340 } as const;
