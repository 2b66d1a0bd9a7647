/** Rules without addresses, isolation all, and the whole internet in a set. */
import type {Sketch} from '../../helpers/plans.ts';

export default {
	isolation: 'all',
	sets: {'ipg:world': '0.0.0.0/0 ::/0'},
	domains: ['open:10.0.0.0/24', '10.0.1.0/24'],
	rules: ['deny ipg:world to 10.0.0.1', 'allow any to any'],
	hosts: ['10.0.0.1', '10.0.0.2 bound'],
} satisfies Sketch;
