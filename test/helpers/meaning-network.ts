/** The network on which each point of the rule language's meaning is shown. */
import type {Settings} from '../../lib/topology/specs.ts';
import {Sketch} from './blueprints.ts';

/**
Two subnets that a perimeter firewall parts, with both families:

	h1 h2 h3 ── s1 ── fw ── s2 ── h4 h5
*/
const network = `
	h1 10.0.1.1/24,fd00:0:0:1::1/64 -- s1
	h2 10.0.1.2/24,fd00:0:0:1::2/64 -- s1
	h3 10.0.1.3/24,fd00:0:0:1::3/64 -- s1
	h4 10.0.2.4/24,fd00:0:0:2::4/64 -- s2
	h5 10.0.2.5/24,fd00:0:0:2::5/64 -- s2
	s1 -- fw 10.0.1.254/24,fd00:0:0:1::fe/64
	s2 -- fw 10.0.2.254/24,fd00:0:0:2::fe/64
`;

/** Of h3 port security is lifted, and h2 may use one more address. */
export function meaningNetwork(settings: Settings = {}): Sketch {
	return new Sketch(network, {settings, hosts: {h2: {allowedAddresses: ['10.0.1.50']}, h3: {portSecurity: false}}});
}
