/** The asking end of a probe: a socket that has sent, or is about to send, one request. */
import {randomInt} from 'node:crypto';
import {InetSocket, type SocketKind} from '../kernel/inet-socket.ts';
import {checksum} from '../kernel/icmp.ts';
import type {Address} from '../util/address.ts';
import {KernelError, messageOf} from '../util/errors.ts';
import {words} from './bytes.ts';
import {type Payload, echoRequest} from './packet.ts';
import type {Question} from './probe.ts';
import {protocol} from './protocols.ts';
import {sctpInit} from './sctp.ts';
import {type FlowKey, flowKey} from './seen.ts';

/** What a request says, and what its answer says, so that nobody answers an answer. */
export const message = {ask: Buffer.from('securenet?'), answer: Buffer.from('securenet!')} as const;

/** Dynamic ports, RFC 6335: for packets that no socket of the kernel has a port for. */
const dynamicPorts = [49_152, 65_536] as const;

/** A request and what to look out for. */
export type Asked = {
	readonly request: FlowKey;
	readonly answer: FlowKey;
	/** Ends it without leaving anything behind. */
	readonly close: () => void;
};

/** Why a request was not sent. `passing`: the kernel had no room for it just now. */
export type NotAsked = {readonly trouble: string; readonly passing: boolean};

/** Sends one request. */
export function ask(question: Question): Asked | NotAsked {
	const {from, destination, source, sport, transport} = question;
	let socket: InetSocket | undefined;
	try {
		socket = InetSocket.open(from.namespace, destination.family, kindOf(question)).shareAddress();
		if (source !== undefined || (sport !== undefined && transport !== 'sctp')) {
			socket.bind({address: source ?? {...destination, value: 0n}, port: transport === 'sctp' ? 0 : sport ?? 0});
		}

		return send(question, socket);
	} catch (error) {
		socket?.close();
		const isTaken = error instanceof KernelError && error.errno === 'EADDRINUSE';
		return {trouble: isTaken ? `port ${sport ?? 0} of ${from.name} is in use there, so nothing could be sent from it` : `${from.name} could not send: ${messageOf(error)}`, passing: false};
	}
}

function kindOf({transport, number, destination}: Question): SocketKind {
	switch (transport) {
		case 'tcp':
			return 'stream';
		case 'udp':
			return 'datagram';
		case 'echo':
			return {protocol: destination.family === 4 ? protocol.icmp : protocol.icmp6};
		case 'sctp':
		case 'other':
			return {protocol: number};
	}
}

/** Connecting chooses the source address; of TCP it also sends. */
function send(question: Question, socket: InetSocket): Asked | NotAsked {
	const {from, to, destination, port, transport} = question;
	const isRaw = transport !== 'tcp' && transport !== 'udp';
	const close = transport === 'tcp' ? () => {
		socket.abort();
	} : () => {
		socket.close();
	};
	const refusal = socket.connect({address: destination, port: isRaw ? 0 : port});
	const local = socket.local;
	const token = question.sport ?? randomInt(...dynamicPorts);
	const errno = refusal ?? sendFirst(question, socket, token);
	if (errno !== undefined) {
		close();
		return {trouble: `${from.name} could not send to ${to.name}: ${errno}`, passing: ['EAGAIN', 'ENOBUFS'].includes(errno)};
	}

	return {...flowsOf(question, local.address, isRaw ? token : local.port), close};
}

function sendFirst({transport, destination, port}: Question, socket: InetSocket, token: number): string | undefined {
	switch (transport) {
		case 'tcp':
			return undefined;
		case 'udp':
			return socket.send(message.ask);
		case 'echo':
			return socket.send(summed(echoRequest(destination.family, token)));
		case 'sctp':
			return socket.send(sctpInit([token, port]).bytes);
		case 'other':
			return socket.send(Buffer.concat([words(token, token), message.ask]));
	}
}

/** Of ICMPv6 the kernel writes the checksum. */
function summed({protocol: number, bytes}: Payload): Buffer {
	if (number === protocol.icmp) {
		bytes.writeUInt16BE(checksum(bytes), 2);
	}

	return bytes;
}

function flowsOf({transport, number, destination, port}: Question, source: Address, sport: number): Pick<Asked, 'request' | 'answer'> {
	const isIcmp = transport === 'echo';
	const carried = isIcmp ? destination.family === 4 ? protocol.icmp : protocol.icmp6 : number;
	const second = isIcmp || transport === 'other' ? sport : port;
	return {
		request: flowKey(carried, {source, destination}, [sport, second]),
		answer: flowKey(carried, {source: destination, destination: source}, [second, sport]),
	};
}
