import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import test from 'ava';
import {portNamesOf} from '../../lib/kernel/port-names.ts';

const directory = mkdtempSync(join(tmpdir(), 'securenet-'));
test.after.always(() => {
	rmSync(directory, {recursive: true});
});

const path = join(directory, 'services');
writeFileSync(path, [
	'# a comment',
	'',
	'http\t\t80/tcp\t\twww # WorldWideWeb HTTP',
	'domain  53/udp',
	'mine 7777/tcp yours',
	'mine 8888/tcp',
	'odd line',
].join('\n'));

const ports = portNamesOf(path);

test('names and aliases are those of the file, for their protocol', t => {
	t.is(ports.numberOf('http', 'tcp'), 80);
	t.is(ports.numberOf('www', 'tcp'), 80);
	t.is(ports.numberOf('www', 'udp'), undefined);
	t.is(ports.numberOf('yours', 'tcp'), 7777);
	t.is(ports.numberOf('odd', 'tcp'), undefined);
});

test('the first line for a name counts', t => {
	t.is(ports.numberOf('mine', 'tcp'), 7777);
});

test('what everybody knows is known without the file', t => {
	t.is(ports.numberOf('https', 'tcp'), 443);
	t.is(portNamesOf('/nonexistent/services').numberOf('http', 'tcp'), 80);
	t.is(portNamesOf('/nonexistent/services').numberOf('mine', 'tcp'), undefined);
});

test('all names of a protocol, each once', t => {
	const names = ports.namesFor('tcp');
	t.deepEqual(['http', 'www', 'mine', 'yours', 'https'].filter(name => !names.includes(name)), []);
	t.is(new Set(names).size, names.length);
	t.false(names.includes('ntp'));
});
