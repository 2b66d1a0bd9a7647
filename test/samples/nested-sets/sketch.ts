/** A host inside a set of prefixes inside a domain: one flow for each distinct prefix, with all that covers it. */
import type {Sketch} from '../../helpers/plans.ts';

export default {
	sets: {'ipg:campus': '10.0.0.0/8', 'ipg:floor': '10.0.10.0/24', 'sg:web': '10.0.10.10'},
	bound: '10.0.10.10',
	domains: ['10.0.0.0/16'],
	rules: ['deny ipg:floor to sg:web', 'allow ipg:campus to sg:web', 'allow sg:web to any'],
	hosts: ['10.0.10.10 bound'],
} satisfies Sketch;
