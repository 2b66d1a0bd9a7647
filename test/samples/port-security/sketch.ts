/** Ports of bound hosts: own addresses, allowed prefixes, one port with port security lifted. */
import type {Sketch} from '../../helpers/plans.ts';

export default {
	bound: '10.0.0.1 10.0.0.2 10.0.0.3 fd00::1',
	sets: {'sg:a': '10.0.0.1 10.0.0.2 10.0.0.3 fd00::1'},
	rules: ['allow sg:a to sg:a'],
	hosts: ['10.0.0.1 fd00::1 bound', '10.0.0.2 bound +10.9.0.0/24', '10.0.0.3 bound lifted', '10.0.0.4'],
	ports: [1, 2, 3, 4, 9],
} satisfies Sketch;
