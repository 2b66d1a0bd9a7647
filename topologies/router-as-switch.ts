/** A router in the place of a switch: it joins two halves of one subnet, and no host knows that it is there. */
import {Topology} from 'securenet';

/**
Both nodes take the other one for a neighbor on their own wire. Between them is a router whose interfaces carry no address.

	node_1 ──────────────── vrouter1 ──────────────── node_2
	node_if0          vr_if1        vr_if2          node_if0
	20.0.0.1/24                                  20.0.0.2/24

Run plainly it works. With --steps the router is bare, and each step is taken and shown; router-as-switch.demo tells more, and takes them back.
*/
export default class RouterAsSwitch extends Topology.with({
	steps: {type: 'boolean', default: false, summary: 'begin before the first step'},
}) {
	override readonly steps = this.parameters.steps ? oneByOne : [];

	override build(): void {
		const {steps} = this.parameters;
		const routes = [{to: '20.0.0.1', interface: 'vr_if1'}, {to: '20.0.0.2', interface: 'vr_if2'}];
		const vrouter1 = this.addRouter('vrouter1', steps ? {forwarding: false} : {proxyArp: true, routes});
		for (const number of [1, 2]) {
			const node = this.addHost(`node_${number}`, {ip: `20.0.0.${number}/24`});
			this.addLink(node.interface({name: 'node_if0'}), vrouter1.interface({name: `vr_if${number}`, ip: []}));
		}
	}
}

/** Only the last one joins the two. */
const oneByOne = [
	'- node_1 ping -c 1 node_2',
	'vrouter1 set forward on',
	'vrouter1 set proxyArp on',
	'- node_1 ping -c 1 node_2',
	'vrouter1 route add 20.0.0.2 dev vr_if2',
	'- node_1 ping -c 1 -W 1 node_2',
	'vrouter1 route add 20.0.0.1 dev vr_if1',
	'node_1 ping -c 1 node_2',
];
