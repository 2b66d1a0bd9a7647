/** The asking end of a probe: a socket that has sent, or is about to send, one request. */
import {randomInt} from 'node:crypto';
import {InetSocket, type SocketKind, isTaken} from '../kernel/inet-socket.ts';
import {checksum} from '../kernel/icmp.ts';
import type {Address} from '../util/address.ts';
import {messageOf} from '../util/errors.ts';
import {words} from './bytes.ts';
import {type Payload, echoRequest, tcp, udp, withChecksum} from './packet.ts';
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

/** Sends one request. From a port that a program has there it goes as a raw packet: who answers does not see the difference, and the program hears of an answer that it did not ask for. */
export function ask(question: Question): Asked | NotAsked {
	try {
		return askBy(question, kindOf(question));
	} catch (error) {
		return isTaken(error) ? askRaw(question) : notSent(question, error);
	}
}

function askRaw(question: Question): Asked | NotAsked {
	try {
		return askBy(question, {protocol: question.number});
	} catch (error) {
		return notSent(question, error);
	}
}

function notSent({from}: Question, error: unknown): NotAsked {
	return {trouble: `${from.name} could not send: ${messageOf(error)}`, passing: false};
}

/** @throws KernelError, such as EADDRINUSE */
function askBy(question: Question, kind: SocketKind): Asked | NotAsked {
	const {from, destination, source, sport} = question;
	const isRaw = typeof kind !== 'string';
	const socket = InetSocket.open(from.namespace, destination.family, kind).shareAddress();
	try {
		if (source !== undefined || (sport !== undefined && !isRaw)) {
			socket.bind({address: source ?? {...destination, value: 0n}, port: isRaw ? 0 : sport ?? 0});
		}

		return send(question, socket, isRaw);
	} catch (error) {
		socket.close();
		throw error;
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
function send(question: Question, socket: InetSocket, isRaw: boolean): Asked | NotAsked {
	const {from, to, destination, port, transport} = question;
	const close = transport === 'tcp' && !isRaw ? () => {
		socket.abort();
	} : () => {
		socket.close();
	};
	const refusal = socket.connect({address: destination, port: isRaw ? 0 : port});
	const local = socket.local;
	const token = question.sport ?? freshToken();
	const errno = refusal ?? (isRaw ? socket.send(rawRequest(question, local.address, token)) : transport === 'udp' ? socket.send(message.ask) : undefined);
	if (errno !== undefined) {
		close();
		return {trouble: `${from.name} could not send to ${to.name}: ${errno}`, passing: ['EAGAIN', 'ENOBUFS'].includes(errno)};
	}

	return {...flowsOf(question, local.address, isRaw ? token : local.port), close};
}

let lastToken = randomInt(...dynamicPorts);

/** Each is another than the last ones: two echoes of one identifier, each way between two hosts, could not be told apart. */
function freshToken(): number {
	const [first, end] = dynamicPorts;
	lastToken = lastToken + 1 < end ? lastToken + 1 : first;
	return lastToken;
}

function rawRequest({transport, destination, port}: Question, source: Address, token: number): Buffer {
	switch (transport) {
		case 'tcp':
			return withChecksum(source, destination, tcp([token, port]));
		case 'udp':
			return withChecksum(source, destination, udp([token, port], message.ask));
		case 'echo':
			return summed(echoRequest(destination.family, token));
		case 'sctp':
			return sctpInit([token, port]).bytes;
		case 'other':
			return Buffer.concat([words(token, token), message.ask]);
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
