/** Link changes as they happen. */
import test from 'ava';
import {type LinkState, watchLinks} from '../../lib/kernel/monitor.ts';
import {type Namespace, deleteNamespaces} from '../../lib/kernel/namespace.ts';
import {run} from '../../lib/kernel/process.ts';
import {testNamespaces} from '../helpers/fabric.ts';

async function watchWhile(work: (namespace: Namespace) => Promise<unknown>, enough: (changes: readonly LinkState[]) => boolean): Promise<LinkState[]> {
	const namespaces = testNamespaces('a');
	const [namespace] = namespaces as [Namespace];
	const changes: LinkState[] = [];
	try {
		await new Promise<void>((resolve, reject) => {
			const watch = watchLinks(namespace, change => {
				changes.push(change);
				if (enough(changes)) {
					watch.close();
					resolve();
				}
			});
			work(namespace).catch(reject);
		});
	} finally {
		deleteNamespaces(namespaces);
	}

	return changes;
}

test('a link comes, goes up, gets a carrier, goes', async t => {
	const shown = ({up, running}: LinkState) => `${up ? 'up' : 'down'}${running ? ' running' : ''}`;
	const changes = await watchWhile(async namespace => {
		await run(['ip', 'link', 'add', 'v1', 'index', '100', 'type', 'veth', 'peer', 'name', 'v2'], {namespace});
		await run(['ip', 'link', 'set', 'v1', 'up'], {namespace});
		await run(['ip', 'link', 'set', 'v2', 'up'], {namespace});
		await run(['ip', 'link', 'delete', 'v1'], {namespace});
	}, seen => seen.some(({running}) => running) && seen.findLast(({index}) => index === 100)?.up === false);
	const states = changes.filter(({index}) => index === 100).map(shown);
	t.deepEqual(states.filter((state, at) => state !== states[at - 1]), ['down', 'up', 'up running', 'down']);
});

test('a burst of 4,000 changes loses none', async t => {
	const lines = Array.from({length: 2000}, (_, index) => `link add a${index} type veth peer name b${index}\n`);
	const changes = await watchWhile(async namespace => run(['ip', '-batch', '-'], {namespace, input: lines.join(''), timeout: 60_000}), seen => seen.length === 4000);
	t.is(new Set(changes.map(({index}) => index)).size, 4000);
});
