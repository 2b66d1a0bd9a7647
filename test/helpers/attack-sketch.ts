/** The network that attacks are tried on, whatever the driver. */
import type {Sketch} from './plans.ts';

export const everybody = 'ff:ff:ff:ff:ff:ff';
export const router = '02:00:00:00:00:fe';

/** Hosts 1 and 2 are bound, 3 and 4 are not. */
export const attacked = {
	sets: {'sg:a': '10.0.0.1 fd00::1 fe80::ff:fe00:1 10.0.0.2 fd00::2 fe80::ff:fe00:2'},
	bound: '10.0.0.1 fd00::1 fe80::ff:fe00:1 10.0.0.2 fd00::2 fe80::ff:fe00:2',
	routers: '10.0.0.254',
	routerMacs: router,
	domains: ['open:10.0.0.0/24 fd00::/64'],
	rules: ['1: deny 10.0.0.4 to 10.0.0.3', '2: allow sg:a to sg:a'],
	hosts: ['10.0.0.1 fd00::1 bound', '10.0.0.2 fd00::2 bound +10.9.0.0/24', '10.0.0.3 fd00::3', '10.0.0.4 fd00::4'],
} satisfies Sketch;
