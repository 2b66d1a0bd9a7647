/** The two-host test of firewall drivers: one switch, and a policy that security groups, lists of its ports, or both enforce. */
import {Topology} from 'securenet';

/**
Two hosts on one switch that passes nothing by itself: what no rule allows is denied. In both hosts a netcat listens.

	          s1
	       ┌──┴──┐
	      h1     h2
	10.0.0.1     10.0.0.2

Run plainly, pings and TCP port 8000 are allowed. With --steps nothing is, and each step is taken and shown; firewall-drivers.demo tells more.
Try, at the prompt:

	pingall
	h1 nc -z -v -w 1 h2 8000
	h1 nc -z -v -w 1 h2 8001
	flows s1 --watch
	firewall fwaas
*/
export default class FirewallDrivers extends Topology.with({
	driver: {type: 'string', default: 'sg', choices: ['sg', 'fwaas', 'both'], summary: 'who judges: security groups, ordered lists of the ports, or both, of which each must allow'},
	steps: {type: 'boolean', default: false, summary: 'begin before the first step'},
}) {
	override readonly name = 'firewall-drivers';
	override readonly settings = {isolation: 'all'} as const;
	override readonly policy = this.parameters.steps ? [] : opening;
	override readonly steps = this.parameters.steps ? oneByOne : listeners;

	override build(): void {
		const s1 = this.addSwitch('s1', {firewall: this.parameters.driver});
		this.addLink(this.addHost('h1'), s1);
		this.addLink(this.addHost('h2'), s1);
	}
}

const opening = ['secrule add allow any to any icmp', 'secrule add allow any to any tcp dport 8000'];

const listeners = ['h1 nc -l -k 8000 &', 'h2 nc -l -k 8000 &'];

/** Until the last rule is there, something does not pass. */
const oneByOne = [
	...listeners,
	'- pingall',
	'- h1 nc -z -v -w 1 h2 8000',
	...opening,
	'pingall',
	'h1 nc -z -v -w 5 h2 8000',
	'- h1 nc -z -v -w 1 h2 8001',
];
