/** Words that cannot name a node, a group or an address set: the prompt's commands, the words of the rule language, the kernel's own names. */

export const commandWords: readonly string[] = [
	'help', 'nodes', 'links', 'net', 'intfs', 'ports', 'dump', 'pingall', 'pingpair', 'iperf', 'link', 'sh', 'source', 'time', 'exit', 'quit', 'EOF',
	'flows', 'rules', 'connections', 'firewall', 'explain', 'matrix', 'mode', 'service', 'sghosts', 'sg', 'secrule', 'ipg', 'bind', 'unbind', 'set', 'route',
	'neighbor', 'rule', 'add', 'del', 'path', 'bgp',
	// Reserved for the commands that DESIGN.md and POLICY.md name and later versions bring.
	'pingallfull', 'pingpairfull', 'iperfudp', 'switch', 'dpctl', 'js', 'wait', 'noecho', 'x', 'xterm', 'watch',
];

export const grammarWords: readonly string[] = [
	'any', 'to', 'not', 'allow', 'deny', 'reject', 'tcp', 'udp', 'sctp', 'icmp', 'icmp6', 'proto', 'sport', 'dport', 'type', 'stateful', 'stateless',
	'prio', 'before', 'after', 'log', 'rate', 'burst', 'name', 'comment', 'list', 'show', 'clear', 'move', 'check', 'plan', 'save', 'load', 'revoke', 'stats', 'reset',
];

/** Names the kernel or Open vSwitch gives to interfaces and settings of its own. */
export const kernelWords: readonly string[] = ['lo', 'all', 'default', 'none', 'ovs-netdev', 'ovs-system'];

const reserved = new Set([...commandWords, ...grammarWords, ...kernelWords].map(word => word.toLowerCase()));

export function isReserved(word: string): boolean {
	return reserved.has(word.toLowerCase());
}
