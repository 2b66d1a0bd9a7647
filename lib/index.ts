/** The public API: what topologies, scripts and tests of users import from 'securenet'. */

// What a network is made of, as data.
export {Topology, type End, type NodeHandle, type TopologyClass} from './topology/topology.ts';
export {shape} from './topology/shapes.ts';
export {check} from './topology/check.ts';
export type {Blueprint, InterfacePlan, LinkPlan, NodePlan, RoutePlan, TunnelEndPlan, TunnelPlan, TunnelTransport} from './topology/blueprint.ts';
export type {
	BridgeOptions, EndSpec, HostOptions, InterfaceOptions, Isolation, LinkOptions, LinkSpec, NeighborOptions, NextHopOptions, NodeKind, NodeSpec, PortOptions, RouteOptions, RouterOptions, RoutingOptions, RuleOptions,
	GreOptions, ShapingOptions, SshOptions, StationOptions, SwitchOptions, SysctlOptions, TunnelMode, TunnelOptions, TunnelSpec, VxlanOptions,
} from './topology/specs.ts';
export type {Shaping} from './topology/shaping.ts';

// Labs that run.
export {Lab, type Change, type LabEvents, type LabOptions, type Plan} from './lab.ts';
export type {Spread} from './control/control.ts';
export type {EdgeEvents, Join, Joining, Place as EdgePlace, RouterChange} from './control/control-plane.ts';
export {Network, type Added, type Addition, type LinkChange, type NetworkOptions, type NodeChange, type Removal, type TunnelChange} from './network/network.ts';
export {pingAll, type PingOptions, type PingResult} from './network/reachability.ts';
export {iperf, type IperfOptions, type IperfResult} from './network/measure.ts';
export {clean, type CleanReport} from './network/sweep.ts';
export {labRecord, runningLabs, type LabRecord} from './network/journal.ts';
export type {Interface} from './link/interface.ts';
export {Link} from './link/link.ts';
export {Tunnel} from './link/tunnel.ts';
export type {TunnelState} from './link/ssh-tunnel.ts';
export type {LinkCounters} from './kernel/link-counters.ts';
export type {Carrier} from './kernel/carrier.ts';
export {Node} from './node/node.ts';
export type {NodeNeighbor} from './node/neighbors.ts';
export type {NodeRoute} from './node/routes.ts';
export type {NodeRule} from './node/rules.ts';
export type {InterfaceSettings, NodeSettings} from './node/settings.ts';
export type {ExecuteOptions, Output} from './kernel/process.ts';
export type {InstalledLine} from './drivers/driver.ts';
export type {DeviceChange} from './drivers/device-change.ts';
export type {LogEntry} from './drivers/log.ts';

// Policies: `policy.bind`, `policy.addRule` … are the edits that `Lab.change` takes; the rest reads, words and judges them.
export * as policy from './policy/repository.ts';
export {
	defaultPrio, emptyPolicy, type Action, type IpgMember, type Log, type Peer, type Place, type Policy, type PortProtocol, type PortRange, type Rate, type Revocation, type Rule,
	type RuleParts, type ServicePorts, type Traffic,
} from './policy/model.ts';
export {inventoryOf, type Inventory} from './policy/inventory.ts';
export {namesOf, type Names, type Nodes} from './policy/names.ts';
export {parseRule, sentence} from './policy/grammar.ts';
export {policyLines} from './policy/save.ts';
export type {PortNames} from './policy/port-names.ts';
export {parseMember} from './policy/member.ts';
export {evaluator, explainVerdict, type Packet, type Reason, type Verdict} from './policy/evaluate.ts';
export {parseAddress, formatAddress, type Address, type InterfaceAddress, type Mac, type Prefix} from './util/address.ts';
export {splitWords, type Word} from './util/words.ts';

// Real packets, and the contract that every firewall driver keeps.
export type {Probe} from './probes/probe.ts';
export {probe, probeAll, type ProbeOptions, type ProbeResult} from './probes/round.ts';
export {Stream, type StreamOptions} from './probes/stream.ts';
export {PingStream, type PingStreamCount, type PingStreamOptions} from './probes/ping-stream.ts';
export type {FirewallDriver, Step} from './drivers/driver.ts';
export {namedDrivers, standardDrivers, type DriverChoice, type DriverContext, type DriverFactory} from './drivers/factory.ts';
export type {AddressSet, DevicePlan, FilterRule, GuardedPort, Match, SharedPlan, TrafficMatch} from './policy/filter-rule.ts';
export type {TrackedConnection} from './kernel/conntrack.ts';
export {SuiteInterrupted, testDriver, type SuiteOptions, type SuiteResult} from './contract/suite.ts';
export type {CaseResult, Check, DriverUnderTest} from './contract/case.ts';

// What lines result in; topologies/json.md has them as JSON.
export type {LineResult} from './commands/line-result.ts';
export type {AddLinkResult, AddNodeResult} from './commands/add.ts';
export type {BgpNeighborsResult, BgpRibResult, BgpRoutesResult} from './commands/bgp.ts';
export type {ChangeResult} from './commands/change.ts';
export type {ConnectionsResult, ListedConnection} from './commands/connections.ts';
export type {DelResult} from './commands/del.ts';
export type {DumpResult} from './commands/dump.ts';
export type {ExecuteResult} from './commands/execute.ts';
export type {ExitResult} from './commands/exit.ts';
export type {ExplainPoint, ExplainResult} from './commands/explain.ts';
export type {PathDeath, PathDeathReason, PathHop, PathResult, PathWay} from './commands/path.ts';
export type {HelpResult} from './commands/help.ts';
export type {DeviceLines, DeviceListing, ListedLine} from './commands/installed-lines.ts';
export type {InstalledResult} from './commands/installed.ts';
export type {IntfsResult} from './commands/intfs.ts';
export type {IpgListResult, IpgShowResult} from './commands/ipg.ts';
export type {JoinResult} from './commands/join.ts';
export type {LeaveResult} from './commands/leave.ts';
export type {LinksResult} from './commands/links.ts';
export type {MatrixPair, MatrixResult} from './commands/matrix.ts';
export type {ModeResult, RevokeResult} from './commands/mode.ts';
export type {NetResult} from './commands/net.ts';
export type {NeighborChangeResult, NeighborListResult} from './commands/neighbor.ts';
export type {NodesResult} from './commands/nodes.ts';
export type {PingallResult} from './commands/pingall.ts';
export type {SecrulePlanResult} from './commands/plan.ts';
export type {SecruleLoadResult, SecruleSaveResult} from './commands/policy-file.ts';
export type {PortsResult} from './commands/ports.ts';
export type {RouteChangeResult, RouteListResult} from './commands/route.ts';
export type {RuleChangeResult, RuleListResult} from './commands/rule.ts';
export type {SecruleListResult, SecruleShowResult, StatsResetResult} from './commands/secrule-list.ts';
export type {SecruleLogResult} from './commands/secrule-log.ts';
export type {SecruleAddResult} from './commands/secrule.ts';
export type {ServiceListResult} from './commands/service.ts';
export type {SetResult} from './commands/set.ts';
export type {SgListResult} from './commands/sg.ts';
export type {SghostsResult} from './commands/sghosts.ts';
export type {ShResult} from './commands/sh.ts';
export type {SourceResult} from './commands/source.ts';
export type {TimeResult} from './commands/time.ts';

// What goes wrong.
export {LoadError} from './commands/load-error.ts';
export {DeviceError} from './drivers/driver.ts';
export {ProgramError} from './kernel/process.ts';
export {InputError, KernelError, MachineError, SecureNetError, type ErrorDetails} from './util/errors.ts';
export {ProblemsError, type Problem} from './util/problems.ts';
