/** Numbers of the protocols that probes speak, from the registries of IANA. */

export const etherType = {ipv4: 0x08_00, arp: 0x08_06, ipv6: 0x86_DD} as const;

export const protocol = {icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132} as const;

/** RFC 792 and RFC 4443. */
export const icmpType = {
	4: {echo: 8, echoReply: 0, unreachable: 3},
	6: {echo: 128, echoReply: 129, unreachable: 1},
} as const;

/** Codes of destination unreachable: what no port listens on, and what a firewall prohibits (RFC 792, RFC 1812, RFC 4443). */
export const unreachableCode = {
	4: {port: 3, prohibited: 13},
	6: {port: 4, prohibited: 1},
} as const;

/** Bits of the TCP header. */
export const tcpFlag = {fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10} as const;

export const dhcpPort = {client: 68, server: 67} as const;
export const dhcp6Port = {client: 546, server: 547} as const;

export const broadcastMac = 'ff:ff:ff:ff:ff:ff';
