/** The network and the policies that policies are measured on: some networks behind one perimeter firewall, a switch each, and groups across all of them. */
import {type IpgMember, type Nodes, type Policy, type RuleParts, Topology, emptyPolicy, parseMember, policy as edits, splitWords} from '../../lib/index.ts';

export class Campus extends Topology.with({
	hosts: {type: 'number', default: 1000, summary: 'hosts, spread evenly'},
	networks: {type: 'number', default: 20, summary: 'networks, each a switch behind the firewall'},
	ipv6: {type: 'boolean', default: false, summary: 'addresses of both families'},
}) {
	override build(): void {
		const {hosts, networks, ipv6} = this.parameters;
		const addresses = (network: number, host: number): string[] => [`10.0.${network}.${host}/24`, ...ipv6 ? [`fd00:${network}::${host}/64`] : []];
		const fw = this.addRouter('fw', {perimeter: true});
		for (let network = 1; network <= networks; network++) {
			const s = this.addSwitch(`s${network}`);
			this.addLink(fw.interface({ip: addresses(network, 254)}), s);
			for (let host = network; host <= hosts; host += networks) {
				this.addLink(this.addHost(`h${host}`, {ip: addresses(network, Math.ceil(host / networks))}), s);
			}
		}
	}
}

export type Size = {
	readonly hosts: number;
	readonly groups: number;
	readonly rules: number;
	/** Single addresses in sets that rules name, none of them a host's. */
	readonly addresses?: number;
};

/** Groups that have members in every network, and rules with every kind of clause between them. One set of addresses for each ten groups. */
export function campusPolicy(nodes: Nodes, {hosts, groups, rules, addresses = 0}: Size): Policy {
	const members = new Map(Array.from({length: groups}, (_, group) => [groupName(group), new Set(membersOf(group, hosts, groups))]));
	const sets = Math.ceil(groups / 10);
	const empty: Policy = {...emptyPolicy('bound'), groups: members};
	const withSets = Array.from({length: sets}, (_, set) => set).reduce((policy, set) => edits.addIpg(policy, nodes, setName(set), [
		memberOf(`172.16.${set}.0/24`),
		...scattered(addresses / sets, set * Math.ceil(addresses / sets)).map(memberOf),
	]), empty);
	return Array.from({length: rules}, (_, rule) => ruleOf(rule, groups, sets)).reduce((policy, rule) => edits.addRule(policy, rule), withSets);
}

/** Hosts that follow each other, and so stand at different switches. */
function membersOf(group: number, hosts: number, groups: number): string[] {
	const [first, next] = [group, group + 1].map(index => Math.floor(index * hosts / groups));
	return Array.from({length: (next ?? 0) - (first ?? 0)}, (_, index) => `h${(first ?? 0) + index + 1}`);
}

/** Of both families, no two of which are neighbours, so that no prefix holds two. @param from how many addresses to leave to others */
export function scattered(count: number, from = 0): string[] {
	return Array.from({length: count}, (_, index) => {
		const half = (from + index) >> 1;
		return index % 2 === 0 ? `198.${18 + (half >> 15)}.${(half >> 7) & 255}.${(half & 127) * 2}` : `fd99::${(half * 2).toString(16)}`;
	});
}

export function groupName(index: number): string {
	return `g${index}`;
}

export function setName(index: number): string {
	return `net${index}`;
}

function memberOf(text: string): IpgMember {
	const [word] = splitWords(text);
	if (!word) {
		throw new TypeError('A member is a word.');
	}

	return parseMember(word);
}

const clauses: ReadonlyArray<Partial<RuleParts>> = [
	{traffic: {kind: 'ports', protocol: 'tcp', dport: [{first: 443, last: 443}]}},
	{traffic: {kind: 'ports', protocol: 'tcp', dport: [{first: 22, last: 22}, {first: 80, last: 80}, {first: 8000, last: 8080}]}},
	{traffic: {kind: 'ports', protocol: 'udp', dport: [{first: 53, last: 53}]}},
	{traffic: {kind: 'icmp', protocol: 'icmp', type: 'echo-request'}},
	{traffic: {kind: 'any'}},
	{traffic: {kind: 'protocol', number: 47}, stateful: false},
	{traffic: {kind: 'ports', protocol: 'tcp', dport: [{first: 5432, last: 5432}]}, stateful: false},
];
const actions = ['allow', 'allow', 'allow', 'deny', 'reject'] as const;

/** No two rules are alike as long as there are fewer than pairs of groups. */
function ruleOf(rule: number, groups: number, sets: number): RuleParts {
	const from = {kind: 'group', name: groupName(rule % groups)} as const;
	const to = {kind: 'group', name: groupName((Math.floor(rule / groups) + (rule * 3) + 1) % groups)} as const;
	const set = {kind: 'ipg', name: setName(rule % sets)} as const;
	return {action: actions[rule % actions.length] ?? 'allow', from: rule % 11 === 5 ? set : from, to: rule % 13 === 7 ? {kind: 'not', peer: set} : to, ...clauses[rule % clauses.length]};
}
