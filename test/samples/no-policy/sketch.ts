/** A switch of unbound hosts: a plain switch that tracks. */
import type {Sketch} from '../../helpers/plans.ts';

export default {
	hosts: ['10.0.0.1', '10.0.0.2'],
	domains: ['open:10.0.0.0/24'],
} satisfies Sketch;
