/** A firewall driver that only writes down what it is told. */
import {DeviceError} from '../../lib/drivers/driver.ts';
import type {FirewallDriver, Refusal} from '../../lib/drivers/driver.ts';
import {Firewall} from '../../lib/drivers/reconcile.ts';
import type {TrackedConnection} from '../../lib/kernel/conntrack.ts';
import type {DevicePlan} from '../../lib/policy/filter-rule.ts';
import {compiled, perimeterPlan} from './plans.ts';

/** A driver whose state is the policy's sentences. `refuses` says which `check s1`, `apply s2` … fail, and what becomes of the device. */
export function notebook(refuses: (deed: string) => boolean | Refusal = () => false, plain = 'plain') {
	const deeds: string[] = [];
	const open: TrackedConnection[] = [];
	const deed = async (text: string): Promise<void> => {
		deeds.push(text);
		const refusal = refuses(text);
		if (refusal !== false) {
			throw new DeviceError(text.split(' ')[1] ?? '', undefined, new Error(`${text}: no`), refusal === true ? {} : refusal);
		}

		return Promise.resolve();
	};
	const driver = {
		plain,
		supports: plan => refuses(`support ${plan.device}`) !== false ? ['cannot do that', 'nor that'] : [],
		render: ({rules}) => rules.map(({sentence}) => sentence).join('; '),
		texts: state => state.split('; '),
		differs: (previous, next) => previous !== next,
		check: async ({device, next}) => deed(`check ${device} ${next}`),
		discard: async ({device}) => deed(`discard ${device}`),
		apply: async ({device, next, perhaps = []}) => deed(`apply ${device} ${next}${perhaps.length > 0 ? `, whatever it has of ${perhaps.join(' or ')}` : ''}`),
		list: async devices => Promise.resolve(new Map([...devices].map(([device, state]) => [device, [{text: `${device}: ${state}`, sentence: undefined, packets: 0}]]))),
		settle: async () => deed('settle'),
		async connections(devices) {
			await deed('connections');
			return new Map([...devices.keys()].map(device => [device, open]));
		},
		cut: async (device, _state, connections) => deed(`cut ${device} ${connections.map(({destination}) => destination).join(' ')}`),
		close(device) {
			deeds.push(`close ${device}`);
		},
	} satisfies FirewallDriver<string>;
	return {deeds, open, driver, firewall: new Firewall(() => driver)};
}

/** One sentence on switches. */
export const policy = (sentence: string, devices: readonly string[] = ['s10', 's2', 's1']) => compiled(...devices.map((device): DevicePlan => perimeterPlan({device, rules: [sentence]})));
/** For a message that says first who tells it. */
export const endsWith = (words: string) => (message: string) => message.endsWith(words);
export const [one, two] = ['allow any to any', 'deny any to any'];
