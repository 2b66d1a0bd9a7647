/** The public API: what topologies, scripts and tests of users import from 'securenet'. */
export {Topology} from './topology/topology.ts';
export {check} from './topology/check.ts';
export {shape} from './topology/shapes.ts';
export {Lab, type Change, type LabEvents, type LabOptions} from './lab.ts';
export {Network, type NetworkOptions} from './network/network.ts';
export {pingAll, type PingOptions, type PingResult} from './network/reachability.ts';
export {iperf, type IperfResult} from './network/measure.ts';
export {clean, type CleanReport} from './network/sweep.ts';
export {labRecord, runningLabs, type LabRecord} from './network/journal.ts';
export {Node} from './node/node.ts';
export {Link} from './link/link.ts';
export * from './policy/repository.ts';
export {evaluator, explainVerdict, type Packet, type Verdict} from './policy/evaluate.ts';
export type {Policy, Rule, Peer} from './policy/model.ts';
export {InputError, KernelError, MachineError, SecureNetError} from './util/errors.ts';
