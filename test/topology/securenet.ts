/** The first story as data: three networks, one perimeter firewall, nothing left to chance. */
import test from 'ava';
import {check} from '../../lib/topology/check.ts';
import {formatAddress, formatInterfaceAddress} from '../../lib/util/address.ts';
import SecureNet from '../../topologies/securenet.ts';

test('securenet passes the check, and every host leaves by the firewall', t => {
	const {name, nodes, links} = check(new SecureNet());
	t.is(name, 'securenet');
	t.is(links.length, 9);
	t.deepEqual([...nodes.values()].filter(({kind}) => kind === 'host').map(host => [
		host.name,
		host.interfaces.flatMap(({addresses}) => addresses.map(formatInterfaceAddress)).join(),
		host.routes.map(({via}) => via && formatAddress(via)).join(),
	].join(' ')), [
		'h10 10.0.10.10/24 10.0.10.254',
		'h11 10.0.10.11/24 10.0.10.254',
		'h20 10.0.20.20/24 10.0.20.254',
		'h21 10.0.20.21/24 10.0.20.254',
		'h30 10.0.30.30/24 10.0.30.254',
		'h31 10.0.30.31/24 10.0.30.254',
	]);
	t.like(nodes.get('fw'), {kind: 'router', options: {perimeter: true}});
});
