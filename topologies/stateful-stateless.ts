/** The same intent twice: as stateful rules, which know connections, and as stateless rules, which judge every packet alone. */
import {Topology} from 'securenet';

/**
A firewall, or two of which one carries what leaves and the other one what comes back.

	               ┌── fw ───┐
	client ── lan ─┤         ├─ internet ── www, other, stranger
	               └── fw2 ──┘

Try, at the prompt:

	secrule list
	explain client www tcp 80
	explain stranger client tcp 8080 sport 80
	connections
*/
export default class StatefulStateless extends Topology.with({
	rules: {type: 'string', default: 'stateful', choices: ['stateful', 'stateless'], summary: 'how the intent is written down'},
	side: {type: 'string', default: 'client', choices: ['client', 'server', 'trusted', 'p2p'], summary: 'what it is: to use servers, to be one, to use those of a small set, to be a peer among peers'},
	firewalls: {type: 'string', default: '1', choices: ['1', '2'], summary: 'one for both directions, or one for each'},
	sync: {type: 'boolean', default: false, summary: 'whether two firewalls tell each other their connections'},
}) {
	override readonly name = 'stateful-stateless';
	override readonly policy = policies[this.parameters.side][this.parameters.rules];

	override build(): void {
		const isSplit = this.parameters.firewalls === '2';
		const lan = this.addBridge('lan');
		const internet = this.addBridge('internet');
		const fw = this.addRouter('fw', {perimeter: true});
		this.addLink(fw.interface({ip: '10.0.1.254/24'}), lan);
		this.addLink(fw.interface({ip: '10.0.2.254/24'}), internet);
		this.addLink(this.addHost('client', {ip: '10.0.1.1/24', gateway: '10.0.1.254'}), lan);
		for (const [name, ip] of outside) {
			this.addLink(this.addHost(name, {ip, gateway: isSplit ? '10.0.2.253' : '10.0.2.254'}), internet);
		}

		if (isSplit) {
			const fw2 = this.addRouter('fw2', {perimeter: true});
			this.addLink(fw2.interface({ip: '10.0.1.253/24'}), lan);
			this.addLink(fw2.interface({ip: '10.0.2.253/24'}), internet);
			this.addLink(fw.interface({ip: '10.0.3.1/24'}), fw2.interface({ip: '10.0.3.2/24'}), {stateSync: this.parameters.sync});
		}
	}
}

const outside = [['www', '10.0.2.80/24'], ['other', '10.0.2.81/24'], ['stranger', '10.0.2.66/24']] as const;

/** Ports that programs get when they ask for none; a stateless rule has to leave all of them open for answers. */
const high = '1024-65535';

/** Each list says what its neighbour says, as far as it can. */
const policies = {
	client: {
		stateful: [
			'secrule add allow client to any tcp dport 80',
			'secrule add allow client to any udp dport 53',
			'secrule add allow client to any icmp type echo-request',
		],
		stateless: [
			'secrule add allow client to any tcp dport 80 stateless',
			`secrule add allow any to client tcp sport 80 dport ${high} stateless`,
			'secrule add allow client to any udp dport 53 stateless',
			`secrule add allow any to client udp sport 53 dport ${high} stateless`,
			'secrule add allow client to any icmp type echo-request stateless',
			'secrule add allow any to client icmp type echo-reply stateless',
		],
	},
	server: {
		stateful: [
			'secrule add allow any to www tcp dport 80',
			'secrule add allow any to www tcp dport 443',
			'secrule add allow any to www icmp type echo-request',
		],
		stateless: [
			'secrule add allow any to www tcp dport {80,443} stateless',
			'secrule add allow www to any tcp sport {80,443} stateless',
			'secrule add allow any to www icmp type echo-request stateless',
			'secrule add allow www to any icmp type echo-reply stateless',
		],
	},
	trusted: {
		stateful: [
			'ipg add trusted 10.0.2.80',
			'secrule add allow client to trusted tcp dport 80',
			'secrule add allow client to trusted udp dport 53',
			'secrule add allow client to trusted icmp type echo-request',
		],
		stateless: [
			'ipg add trusted 10.0.2.80',
			'secrule add allow client to trusted tcp dport 80 stateless',
			`secrule add allow trusted to client tcp sport 80 dport ${high} stateless`,
			'secrule add allow client to trusted udp dport 53 stateless',
			`secrule add allow trusted to client udp sport 53 dport ${high} stateless`,
			'secrule add allow client to trusted icmp type echo-request stateless',
			'secrule add allow trusted to client icmp type echo-reply stateless',
		],
	},
	p2p: {
		stateful: [
			'secrule add allow client to any tcp',
			'secrule add allow client to any udp',
			'secrule add allow any to client tcp dport 6881',
		],
		stateless: [
			'secrule add allow client to any tcp stateless',
			`secrule add allow any to client tcp dport ${high} stateless`,
			'secrule add allow client to any udp stateless',
			`secrule add allow any to client udp dport ${high} stateless`,
		],
	},
} as const;
