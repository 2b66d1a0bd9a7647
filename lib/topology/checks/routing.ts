/** Checks of rules, neighbours and kernel settings: what they name is there, and nothing is said twice. */
import {formatAddress, formatPrefix} from '../../util/address.ts';
import {printable} from '../../util/names.ts';
import type {Problems} from '../../util/problems.ts';
import type {Blueprint, NodePlan, RulePlan} from '../blueprint.ts';
import type {SysctlOptions} from '../routing-options.ts';
import {isStation} from '../specs.ts';
import {interfaceSysctl, isSysctlValue, sysctlName} from '../sysctls.ts';

export function checkRules({nodes}: Blueprint, problems: Problems): void {
	for (const node of nodes.values()) {
		const seen = new Set<string>();
		for (const rule of node.rules) {
			const text = ruleText(rule);
			if (rule.interface !== undefined && rule.interface !== 'lo') {
				checkInterface(node, `its rule ${text} is for packets by`, rule.interface, problems);
			}

			const key = `${text} ${rule.family} ${rule.priority ?? ''}`;
			if (seen.has(key)) {
				problems.add(node.name, `its rule ${text} stands there twice`, 'Leave one of them out');
			}

			seen.add(key);
		}
	}
}

function ruleText({from, to, interface: name, mark, table}: RulePlan): string {
	return [
		...from ? [`from ${formatPrefix(from)}`] : [], ...to ? [`to ${formatPrefix(to)}`] : [], ...name === undefined ? [] : [`interface ${printable(name)}`],
		...mark ? [`mark ${mark.value}/${mark.mask}`] : [], `table ${table}`,
	].join(' ');
}

export function checkNeighbors({nodes}: Blueprint, problems: Problems): void {
	for (const node of nodes.values()) {
		const seen = new Set<string>();
		for (const {address, interface: name} of node.neighbors) {
			const text = formatAddress(address);
			checkInterface(node, `its neighbor ${text} is reached by`, name, problems);
			if (address.family === 6 && !node.ipv6) {
				problems.add(node.name, `its neighbor ${text} has an IPv6 address, and the node speaks no IPv6`, 'Give it an IPv6 address, or write settings = {ipv6: true}');
			} else if (seen.has(`${text} ${name}`)) {
				problems.add(node.name, `its neighbor ${text} stands there twice`, 'Leave one of them out');
			}

			seen.add(`${text} ${name}`);
		}
	}
}

function checkInterface({name: node, interfaces}: NodePlan, deed: string, wanted: string, problems: Problems): void {
	const names = interfaces.map(each => each.name);
	if (!names.includes(wanted)) {
		problems.add(node, `${deed} "${printable(wanted)}", which it does not have`, names.length === 0 ? 'Link it first' : `Name one of its interfaces: ${names.slice(0, 5).join(', ')}`);
	}
}

/** Whether the kernel has a setting of this name shows when the node is made. */
export function checkSysctls({nodes}: Blueprint, problems: Problems): void {
	for (const node of nodes.values()) {
		if (node.kind === 'host' || node.kind === 'router') {
			checkNamed(node.name, node.options.sysctls, sysctlName, 'Name one of a network namespace, such as net/ipv4/tcp_syncookies', problems);
		}

		for (const {name, sysctls} of node.interfaces) {
			if (sysctls && !isStation(node)) {
				problems.add(node.name, `port ${printable(name)} is given sysctls, but all ports of a lab share a namespace`, 'Leave out sysctls');
			} else {
				checkNamed(node.name, sysctls, text => interfaceSysctl(text, name), 'Name one of an interface, such as ipv4/rp_filter or ipv6/neigh/proxy_delay', problems);
			}
		}
	}
}

function checkNamed(node: string, sysctls: SysctlOptions | undefined, read: (text: string) => string | undefined, hint: string, problems: Problems): void {
	for (const [text, value] of Object.entries(sysctls ?? {})) {
		if (read(text) === undefined) {
			problems.add(node, `"${printable(text)}" among its sysctls is no kernel setting of its own`, hint);
		} else if (!isSysctlValue(value)) {
			problems.add(node, `the kernel setting ${printable(text)} cannot be "${printable(String(value))}"`, 'Give a number or words on one line');
		}
	}
}
