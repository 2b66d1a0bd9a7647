/** Every clause of a rule: ports, ICMP types, protocols, complements, stateless, rate, log and reject. */
import type {Sketch} from '../../helpers/plans.ts';

export default {
	sets: {'sg:db': '10.0.20.20 fd00:20::20', 'sg:web': '10.0.10.10 fd00:10::10'},
	bound: '10.0.10.10 fd00:10::10 10.0.20.20 fd00:20::20',
	routers: '10.0.10.1 10.0.20.1',
	routerMacs: '02:00:00:00:00:fe',
	domains: ['10.0.10.0/24 fd00:10::/64', '10.0.20.0/24 fd00:20::/64'],
	rules: [
		'allow sg:web to sg:db tcp dport 5432',
		'allow any to sg:web tcp dport 80,443,8000-8080 rate 100 20 log',
		'deny !sg:web to sg:db udp sport 0-1023 dport 53',
		'allow 10.0.10.10,10.0.10.11,fd00:10::10 to 10.0.20.20,fd00:20::20 udp sport 1000-1100 dport 2000-2100',
		'allow sg:web to any icmp 8|128',
		'allow any to sg:web icmp 0|129 stateless',
		'deny any to any icmp 3/4|',
		'allow sg:web to sg:db proto 47',
		'allow sg:web to sg:db sctp dport 36412 stateless',
		'reject sg:web to any tcp dport 25 log',
		'deny any to 10.0.20.20 log',
	],
	hosts: ['10.0.10.10 fd00:10::10 bound'],
} satisfies Sketch;
