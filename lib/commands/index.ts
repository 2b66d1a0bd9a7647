/** The table of commands, in the order in which `help` lists them. */
import {addHostCommand, addLinkCommand, addRouterCommand} from './add.ts';
import {addTunnelCommand} from './add-tunnel.ts';
import {bgpNeighborsCommand, bgpRibCommand, bgpRoutesCommand} from './bgp.ts';
import {bindCommand, unbindCommand} from './bind.ts';
import type {AnyCommand} from './command.ts';
import {connectionsCommand} from './connections.ts';
import {delCommand} from './del.ts';
import {dumpCommand} from './dump.ts';
import {executeCommand} from './execute.ts';
import {exitCommand} from './exit.ts';
import {explainCommand} from './explain.ts';
import {helpFor} from './help.ts';
import {flowsCommand, rulesCommand} from './installed.ts';
import {intfsCommand} from './intfs.ts';
import {iperfCommand} from './iperf.ts';
import {ipgAddCommand, ipgDelCommand, ipgListCommand, ipgShowCommand} from './ipg.ts';
import {joinCommand} from './join.ts';
import {leaveCommand} from './leave.ts';
import {linkCommand} from './link.ts';
import {linksCommand} from './links.ts';
import {matrixCommand} from './matrix.ts';
import {firewallCommand} from './firewall.ts';
import {modeCommand, revokeCommand} from './mode.ts';
import {neighborAddCommand, neighborDelCommand, neighborListCommand} from './neighbor.ts';
import {netCommand} from './net.ts';
import {nodesCommand} from './nodes.ts';
import {pingallCommand, pingpairCommand} from './pingall.ts';
import {pathCommand} from './path.ts';
import {secrulePlanCommand} from './plan.ts';
import {secruleLoadCommand, secruleSaveCommand} from './policy-file.ts';
import {portsCommand} from './ports.ts';
import {routeAddCommand, routeDelCommand, routeListCommand} from './route.ts';
import {ruleAddCommand, ruleDelCommand, ruleListCommand} from './rule.ts';
import {secruleListCommand, secruleShowCommand, statsResetCommand} from './secrule-list.ts';
import {secruleLogCommand} from './secrule-log.ts';
import {secruleAddCommand, secruleClearCommand, secruleDelCommand, secruleMoveCommand} from './secrule.ts';
import {serviceAddCommand, serviceDelCommand, serviceListCommand} from './service.ts';
import {setCommand} from './set.ts';
import {sgAddCommand, sgDelCommand, sgListCommand} from './sg.ts';
import {sghostsCommand} from './sghosts.ts';
import {shCommand} from './sh.ts';
import {sourceCommand} from './source.ts';
import {timeCommand} from './time.ts';

export const commands: readonly AnyCommand[] = [
	nodesCommand,
	netCommand,
	linksCommand,
	intfsCommand,
	portsCommand,
	dumpCommand,
	executeCommand,
	pingallCommand,
	pingpairCommand,
	matrixCommand,
	pathCommand,
	iperfCommand,
	linkCommand,
	setCommand,
	routeListCommand,
	routeAddCommand,
	routeDelCommand,
	neighborListCommand,
	neighborAddCommand,
	neighborDelCommand,
	ruleListCommand,
	ruleAddCommand,
	ruleDelCommand,
	addHostCommand,
	addRouterCommand,
	addLinkCommand,
	addTunnelCommand,
	delCommand,
	joinCommand,
	leaveCommand,
	bgpNeighborsCommand,
	bgpRibCommand,
	bgpRoutesCommand,
	bindCommand,
	unbindCommand,
	sghostsCommand,
	sgListCommand,
	sgAddCommand,
	sgDelCommand,
	secruleAddCommand,
	secruleDelCommand,
	secruleMoveCommand,
	secruleClearCommand,
	secruleListCommand,
	secruleShowCommand,
	secrulePlanCommand,
	secruleLogCommand,
	explainCommand,
	secruleSaveCommand,
	secruleLoadCommand,
	revokeCommand,
	statsResetCommand,
	modeCommand,
	firewallCommand,
	ipgAddCommand,
	ipgDelCommand,
	ipgListCommand,
	ipgShowCommand,
	serviceAddCommand,
	serviceDelCommand,
	serviceListCommand,
	flowsCommand,
	rulesCommand,
	connectionsCommand,
	shCommand,
	sourceCommand,
	timeCommand,
	helpFor(() => commands),
	exitCommand,
];
