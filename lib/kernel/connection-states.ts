/** The states of connections as the kernel numbers them, by the names that conntrack(8) prints. */

/** enum tcp_conntrack of linux/netfilter/nf_conntrack_tcp.h, and enum sctp_conntrack. */
const names: Readonly<Record<string, readonly string[]>> = {
	tcp: ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'SYN_SENT2'],
	sctp: ['NONE', 'CLOSED', 'COOKIE_WAIT', 'COOKIE_ECHOED', 'ESTABLISHED', 'SHUTDOWN_SENT', 'SHUTDOWN_RECD', 'SHUTDOWN_ACK_SENT', 'HEARTBEAT_SENT'],
};

/** The number itself when it has no name. */
export function stateName(protocol: string, number: number): string {
	return names[protocol]?.[number] ?? `${number}`;
}
