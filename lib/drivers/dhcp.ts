/** The two directions of DHCP (RFC 2131, RFC 8415) as matches, one for each family. */
export const dhcpClient = ['udp,tp_src=68,tp_dst=67', 'udp6,tp_src=546,tp_dst=547'];
export const dhcpServer = ['udp,tp_src=67,tp_dst=68', 'udp6,tp_src=547,tp_dst=546'];
