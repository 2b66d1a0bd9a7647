/** Reads TAP, the report of AVA that programs read, as cases of a suite. */
import type {CaseResult} from '../../lib/contract/case.ts';

/** Lines of TAP 13: a result each, and behind one that failed a block of YAML, of which AVA's `message` and `values` tell why. */
export function readTap(text: string): CaseResult[] {
	return [...text.matchAll(/^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO))?$(?:\n {2}---\n([^]*?)\n {2}\.\.\.$)?/gm)].map(([, not, words = '', directive, block = '']) => {
		const [title = '', ...files] = words.split(' › ').reverse();
		const name = files.reverse().join('/');
		return directive === undefined
			? not === undefined ? passed(name, title) : failed(name, title, block.replaceAll(/^ {4}/gm, '').trim())
			: {...passed(name, title), status: 'not supported', reason: directive.toLowerCase()};
	});
}

function passed(name: string, title: string): CaseResult {
	return {name, title, status: 'pass', checks: 1, failures: [], ms: 0};
}

export function failed(name: string, title: string, observed: string): CaseResult {
	return {...passed(name, title), status: 'fail', failures: [{what: title, expected: 'pass', observed}]};
}
