/** How the tests run. Most of them wait for networks most of the time, so more files than processors run at once; the longest come first, or the last would run alone. */
import {cpus} from 'node:os';
import {relative, sep} from 'node:path';

/** Files of 20 s and more, the longest first. */
const longest = [
	'contract/drivers', 'topologies/transcripts', 'contract/faults', 'topologies/together', 'topologies/securenet', 'control/restarts', 'control/live-links', 'drivers/perimeter-contract', 'topologies/firewalls', 'control/faults', 'vm/run',
	'cli/labs', 'commands/path', 'link/ssh-tunnel', 'control/bgp', 'topologies/bgp-control-plane', 'services/gobgp', 'topologies/stateful-stateless', 'link/ssh-reconnect', 'network/tunnels', 'network/tunnels-over-ssh', 'cli/usage',
	'policy/evaluate', 'policy/grammar', 'policy/compile', 'control/edges', 'control/late', 'drivers/nftables-bridge', 'topologies/live',
].map(name => `test/${name}.ts`);

export default {
	extensions: {ts: 'module'},
	nodeArguments: ['--import=./test/helpers/typescript.js'],
	files: ['test/**/*.ts', '!test/helpers/**', '!test/samples/**', '!test/fixtures/**'],
	workerThreads: false,
	timeout: `${120 * Number(process.env.SECURENET_TEST_PATIENCE ?? 1)}s`,
	concurrency: 2 * cpus().length,
	sortTestFiles: (one, other) => rank(one) - rank(other) || (one < other ? -1 : 1),
};

function rank(file) {
	const at = longest.indexOf(relative(import.meta.dirname, file).split(sep).join('/'));
	return at === -1 ? longest.length : at;
}
