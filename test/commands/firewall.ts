/** `firewall` with a driver that nothing in the lab can have, or a device that it does not have, and where the mistake stands. */
import test from 'ava';
import type {InputError} from '../../lib/index.ts';
import {Sketch} from '../helpers/blueprints.ts';
import {labOf} from '../helpers/scenario.ts';

test.serial('a driver that fits nothing, and devices that do not fit', async t => {
	const lab = await labOf(t, new Sketch('h1 10.0.0.1/24 -- s1\nh2 10.0.0.2/24 -- s1'));
	for (const [line, code, column, says] of [
		['firewall nftables-perimeter', 'wrong-kind', 10, /^nftables-perimeter is for perimeter firewalls, and this lab has none\.$/],
		['firewall nftables-bridge s1', 'wrong-kind', 10, /^nftables-bridge is no driver for s1\./],
		['firewall sg s1 s2', 'unknown-device', 16, /no device "s2"\. Did you mean s1\?/],
		['firewall sgg', 'unknown-firewall', 10, /Did you mean sg/],
	] as const) {
		const error = await t.throwsAsync<InputError>(lab.run(line), {code, message: says}, line);
		t.is(error.details.column, column, line);
	}

	t.deepEqual([...lab.firewalls], [['s1', 'openflow']]);
});
