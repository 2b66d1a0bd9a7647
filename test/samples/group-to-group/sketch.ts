/** Two groups in both families, one rule between them, behind a perimeter firewall. */
import type {Sketch} from '../../helpers/plans.ts';

export default {
	sets: {'sg:db': '10.0.20.20 fd00:20::20', 'sg:web': '10.0.10.10 10.0.10.11 fd00:10::10'},
	bound: '10.0.10.10 10.0.10.11 10.0.20.20 fd00:10::10 fd00:20::20',
	routers: '10.0.10.1 10.0.20.1 fd00:10::1 fd00:20::1',
	domains: ['10.0.10.0/24 fd00:10::/64', '10.0.20.0/24 fd00:20::/64'],
	rules: ['allow sg:web to sg:db'],
	hosts: ['10.0.10.10 fd00:10::10 bound', '10.0.10.11 bound', '10.0.10.12'],
	zone: 7,
} satisfies Sketch;
