/** One policy as the lists of the ports, as security groups behind them, and as one table. */
import type {FlowStyle} from '../../../lib/drivers/openflow-port-lists.ts';
import type {Sketch} from '../../helpers/plans.ts';

export const styles = ['fwaas', 'both'] satisfies FlowStyle[];

export default {
	sets: {'sg:db': '10.0.0.2', 'sg:web': '10.0.0.1'},
	bound: '10.0.0.1 10.0.0.2',
	routerMacs: '02:00:00:00:00:fe',
	domains: ['10.0.0.0/24'],
	rules: [
		'deny 10.0.0.3 to any log',
		'allow sg:web to sg:db udp dport 53 rate 5 10',
		'reject any to sg:db udp',
		'allow any to any stateless',
	],
	hosts: ['10.0.0.1 bound', '10.0.0.2 bound', '10.0.0.3'],
} satisfies Sketch;
