/** The public API: what topologies, scripts and tests of users import from 'securenet'. */

// What a network is made of, as data.
export {Topology, type End, type NodeHandle, type TopologyClass} from './topology/topology.ts';
export {shape} from './topology/shapes.ts';
export {check} from './topology/check.ts';
export type {Blueprint, InterfacePlan, LinkPlan, NodePlan, RoutePlan} from './topology/blueprint.ts';
export type {
	BridgeOptions, EndSpec, HostOptions, InterfaceOptions, Isolation, LinkOptions, LinkSpec, NodeKind, NodeSpec, PortOptions, RouteOptions, RouterOptions,
	StationOptions, SwitchOptions,
} from './topology/specs.ts';

// Labs that run.
export {Lab, type Change, type LabEvents, type LabOptions} from './lab.ts';
export {Network, type LinkChange, type NetworkOptions} from './network/network.ts';
export {pingAll, type PingOptions, type PingResult} from './network/reachability.ts';
export {iperf, type IperfOptions, type IperfResult} from './network/measure.ts';
export {clean, type CleanReport} from './network/sweep.ts';
export {labRecord, runningLabs, type LabRecord} from './network/journal.ts';
export type {Interface} from './link/interface.ts';
export {Link} from './link/link.ts';
export type {Carrier} from './kernel/carrier.ts';
export {Node} from './node/node.ts';
export type {ExecuteOptions, Output} from './kernel/process.ts';
export type {InstalledLine} from './drivers/driver.ts';

// Policies: `policy.bind`, `policy.addRule` … are the edits that `Lab.change` takes; the rest reads, words and judges them.
export * as policy from './policy/repository.ts';
export {emptyPolicy, type Action, type IpgMember, type Peer, type Policy, type Rule} from './policy/model.ts';
export {inventoryOf, type Inventory} from './policy/inventory.ts';
export {namesOf, type Names, type Nodes} from './policy/names.ts';
export {parseRule, sentence, type RuleParts} from './policy/grammar.ts';
export {parseMember} from './policy/member.ts';
export {evaluator, explainVerdict, type Packet, type Reason, type Verdict} from './policy/evaluate.ts';
export {parseAddress, formatAddress, type Address, type InterfaceAddress, type Mac, type Prefix} from './util/address.ts';
export {splitWords, type Word} from './util/words.ts';

// What lines result in; topologies/json.md has them as JSON.
export type {LineResult} from './commands/line-result.ts';
export type {ChangeResult} from './commands/change.ts';
export type {DumpResult} from './commands/dump.ts';
export type {ExecuteResult} from './commands/execute.ts';
export type {ExitResult} from './commands/exit.ts';
export type {HelpResult} from './commands/help.ts';
export type {DeviceLines, InstalledResult} from './commands/installed.ts';
export type {IntfsResult} from './commands/intfs.ts';
export type {IpgListResult, IpgShowResult} from './commands/ipg.ts';
export type {LinksResult} from './commands/links.ts';
export type {NetResult} from './commands/net.ts';
export type {NodesResult} from './commands/nodes.ts';
export type {PingallResult} from './commands/pingall.ts';
export type {PortsResult} from './commands/ports.ts';
export type {SecruleAddResult, SecruleListResult, SecruleShowResult} from './commands/secrule.ts';
export type {SgListResult} from './commands/sg.ts';
export type {SghostsResult} from './commands/sghosts.ts';
export type {ShResult} from './commands/sh.ts';
export type {SourceResult} from './commands/source.ts';
export type {TimeResult} from './commands/time.ts';

// What goes wrong.
export {DeviceError} from './drivers/driver.ts';
export {ProgramError} from './kernel/process.ts';
export {InputError, KernelError, MachineError, SecureNetError, type ErrorDetails} from './util/errors.ts';
export {ProblemsError, type Problem} from './util/problems.ts';
