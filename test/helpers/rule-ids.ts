/** A driver as far as it only computes: the state of a device is the ids of its rules. */
import type {FirewallDriver} from '../../lib/drivers/driver.ts';

type Computed = Pick<FirewallDriver<readonly number[]>, 'plain' | 'supports' | 'render' | 'texts' | 'differs'>;

/** @returns another one each time: drivers that share their plain state go on from each other's */
export function ofRuleIds(): Computed {
	return {
		plain: [],
		supports: () => [],
		render: ({rules}) => rules.map(({id}) => id),
		texts: state => state.map(String),
		differs: (previous, next) => previous.join() !== next.join(),
	};
}
