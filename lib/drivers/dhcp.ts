/** The two directions of DHCP (RFC 2131, RFC 8415) as matches, one for each family. */
export const dhcpClient = ['udp,tp_src=68,tp_dst=67', 'udp6,tp_src=546,tp_dst=547'] as const;
export const dhcpServer = ['udp,tp_src=67,tp_dst=68', 'udp6,tp_src=547,tp_dst=546'] as const;

const [client, client6] = dhcpClient;

/** From a host that has no address yet. */
export const dhcpDiscover = `${client},nw_src=0.0.0.0,nw_dst=255.255.255.255`;
/** To the group of all servers and relays. */
export const dhcpToServers = `${client6},ipv6_dst=ff02::1:2`;
/** To any other group: no client asks there, so it is judged. */
export const dhcpToGroups = [`${client},nw_dst=224.0.0.0/4`, `${client6},ipv6_dst=ff00::/8`] as const;
/** From a host that has an address, to everybody or to the server that it knows; with IPv6 from the link-local address. */
export const dhcpRenew = [client, `${client6},ipv6_src=fe80::/10`] as const;
