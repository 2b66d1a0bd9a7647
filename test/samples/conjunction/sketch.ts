/** Lists of prefixes on both sides: a conjunction where that is fewer flows, the pairs where they are. */
import type {Sketch} from '../../helpers/plans.ts';

export default {
	rules: [
		'allow 10.0.0.1,10.0.0.2,10.0.0.3,fd00::1 to 10.0.1.1,10.0.1.2,10.0.1.3,fd00:1::/64',
		'deny 10.0.0.1,fd00::1 to 10.0.1.1,fd00:1::1',
		'allow 10.0.0.0/8 to fd00::/8',
		'allow 0.0.0.0/0 to 10.0.0.9',
	],
} satisfies Sketch;
