/** What is told in one go: of each prefix the last that happened to it, so that who moves away and back stays known. */
import test from 'ava';
import {Batch, type Deed} from '../../lib/control/batch.ts';
import {formatPrefix, parsePrefix} from '../../lib/util/address.ts';

/** As `announce edge1 10.0.0.1`. */
type Line = `${Deed} ${string} ${string}`;

const comesTo = test.macro<[lines: readonly Line[], expected: readonly Line[]]>({
	exec(t, lines, expected) {
		const batch = new Batch();
		t.true(batch.isEmpty);
		for (const line of lines) {
			const [deed, router, prefix] = line.split(' ') as [Deed, string, string];
			batch.put(deed, router, [parsePrefix(prefix)]);
		}

		t.false(batch.isEmpty);
		t.deepEqual((['announce', 'withdraw'] as const).flatMap(deed => batch.of(deed).flatMap(([router, prefixes]) => prefixes.map(to => `${deed} ${router} ${formatPrefix(to)}`))), expected);
	},
	title: (_, lines) => lines.join(', '),
});

test(comesTo, ['announce edge1 10.0.0.1', 'announce edge1 fd10::1', 'withdraw edge2 10.0.0.1'], ['announce edge1 10.0.0.1', 'announce edge1 fd10::1', 'withdraw edge2 10.0.0.1']);
test(comesTo, ['announce edge2 10.0.0.1', 'withdraw edge1 10.0.0.1', 'announce edge1 10.0.0.1', 'withdraw edge2 10.0.0.1'], ['announce edge1 10.0.0.1', 'withdraw edge2 10.0.0.1']);
test(comesTo, ['withdraw edge1 10.0.0.1', 'announce edge1 10.0.0.1'], ['announce edge1 10.0.0.1']);
test(comesTo, ['announce edge1 10.0.0.1', 'announce edge1 10.0.0.2', 'withdraw edge1 10.0.0.1'], ['announce edge1 10.0.0.2', 'withdraw edge1 10.0.0.1']);
