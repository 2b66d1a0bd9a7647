/** Names of kernel settings as files and lines write them. Only those of a network namespace are a node's own; all others are the machine's. */
import type {SysctlOptions} from './routing-options.ts';

/** With slashes, such as `net/ipv4/ip_forward`, or as sysctl(8) prints them, with dots; undefined for what no network namespace has. */
export function sysctlName(text: string): string | undefined {
	const name = text.includes('/') ? text : text.replaceAll('.', '/');
	return isPath(name) && name.startsWith('net/') ? name : undefined;
}

/** The whole name of an interface's setting: `ipv4/rp_filter` of eth0 is `net/ipv4/conf/eth0/rp_filter`, `ipv4/neigh/proxy_delay` is `net/ipv4/neigh/eth0/proxy_delay`. */
export function interfaceSysctl(text: string, interfaceName: string): string | undefined {
	const [, family = '', area = 'conf', setting = ''] = /^(ipv[46])\/(?:(neigh)\/)?([\w-]+)$/.exec(text) ?? [];
	return setting === '' ? undefined : `net/${family}/${area}/${interfaceName}/${setting}`;
}

/** One line, no longer than a page: what the kernel takes. */
export function isSysctlValue(value: string | number): boolean {
	return /^[\w .,:/+-]{1,4000}$/.test(String(value));
}

/** Settings of a node, whole names first, and of its interfaces; what cannot be read is left out. */
export function sysctlsOf(node: SysctlOptions | undefined, interfaces: ReadonlyArray<{readonly name: string; readonly sysctls?: SysctlOptions}>): Array<[name: string, value: string]> {
	const named = (options: SysctlOptions | undefined, read: (text: string) => string | undefined) => Object.entries(options ?? {}).flatMap(([text, value]) => {
		const name = read(text);
		return name === undefined || !isSysctlValue(value) ? [] : [[name, String(value)] satisfies [string, string]];
	});
	return [...named(node, sysctlName), ...interfaces.flatMap(each => named(each.sysctls, text => interfaceSysctl(text, each.name)))];
}

function isPath(name: string): boolean {
	return name.split('/').every(part => /^[\w-][\w.-]*$/.test(part));
}
