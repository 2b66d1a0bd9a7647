/** The two-host test of firewall drivers: one switch, and a policy that security groups, lists of its ports, or both enforce. */
import {Topology} from 'securenet';

/**
Two hosts on one switch that passes nothing by itself: what no rule allows is denied.

	          s1
	       ┌──┴──┐
	      h1     h2
	10.0.0.1     10.0.0.2

Try, at the prompt:

	h1 ping -c 1 h2
	secrule add allow h1 to h2 icmp
	secrule add allow h1 to h2 tcp dport 8000
	h1 ping -c 1 h2
	flows s1 --watch
	firewall fwaas
*/
export default class FirewallDrivers extends Topology.with({
	driver: {type: 'string', default: 'sg', choices: ['sg', 'fwaas', 'both'], summary: 'who judges: security groups, ordered lists of the ports, or both, of which each must allow'},
}) {
	override readonly name = 'firewall-drivers';
	override readonly settings = {isolation: 'all'} as const;

	override build(): void {
		const s1 = this.addSwitch('s1', {firewall: this.parameters.driver});
		this.addLink(this.addHost('h1'), s1);
		this.addLink(this.addHost('h2'), s1);
	}
}
