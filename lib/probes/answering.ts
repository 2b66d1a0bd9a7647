/** The answering end of a probe: whatever must listen on the target so that a request gets its answer. */
import {InetSocket, isTaken} from '../kernel/inet-socket.ts';
import {messageOf} from '../util/errors.ts';
import {message} from './asking.ts';
import type {Question} from './probe.ts';
import {sctpInitAck} from './sctp.ts';

/** Answers that are given before others get their turn. */
const most = 256;
const sctpHeader = 12;

export class Answerer {
	/** Undefined when the kernel answers by itself, or another program does. */
	readonly #socket: InetSocket | undefined;
	readonly #answer: (socket: InetSocket) => boolean;
	/** Why nobody answers. */
	readonly trouble: string | undefined;

	private constructor(socket: InetSocket | undefined, answer: (socket: InetSocket) => boolean = () => false, trouble?: string) {
		this.#socket = socket;
		this.#answer = answer;
		this.trouble = trouble;
	}

	/** Questions with the same key share an answerer. */
	static key({to, transport, number, destination, port}: Question): string {
		return `${to.name} ${transport} ${number} ${destination.family} ${destination.value} ${port}`;
	}

	/** A TCP port that a program of the user listens on is as good as one of ours. */
	static open(question: Question): Answerer {
		try {
			return Answerer.#open(question);
		} catch (error) {
			return question.transport === 'tcp' && isTaken(error)
				? new Answerer(undefined)
				: new Answerer(undefined, undefined, `${question.to.name} cannot listen: ${messageOf(error)}`);
		}
	}

	static #open(question: Question): Answerer {
		const {to, transport, number, destination, port} = question;
		switch (transport) {
			case 'echo':
				return new Answerer(undefined);
			case 'tcp': {
				const socket = bound(question, InetSocket.open(to.namespace, destination.family, 'stream').shareAddress(), port);
				socket.listen();
				return new Answerer(socket);
			}

			case 'udp':
				return new Answerer(bound(question, InetSocket.open(to.namespace, destination.family, 'datagram'), port), answerDatagram);
			case 'sctp':
				return new Answerer(bound(question, InetSocket.open(to.namespace, destination.family, {protocol: number}), 0), socket => answerSctp(socket, port));
			case 'other':
				return new Answerer(bound(question, InetSocket.open(to.namespace, destination.family, {protocol: number}), 0), answerRaw);
		}
	}

	/** Readable when somebody asks; undefined when others answer. */
	get fd(): number | undefined {
		return this.#socket?.fd;
	}

	/** Answers who has asked. */
	serve(): void {
		for (let count = 0; this.#socket && count < most && this.#answer(this.#socket); count++) {
			// The answer is all there is to do.
		}
	}

	close(): void {
		this.#socket?.close();
	}
}

function bound({destination}: Question, socket: InetSocket, port: number): InetSocket {
	try {
		socket.bind({address: destination, port});
		return socket;
	} catch (error) {
		socket.close();
		throw error;
	}
}

/** These return whether there was something to read. */
function answerDatagram(socket: InetSocket): boolean {
	const asked = socket.receiveFrom();
	if (asked?.bytes.equals(message.ask)) {
		socket.sendTo(message.answer, asked.from);
	}

	return asked !== undefined;
}

function answerRaw(socket: InetSocket): boolean {
	const asked = receiveRaw(socket);
	if (asked && asked.body.subarray(4).equals(message.ask)) {
		socket.sendTo(Buffer.concat([asked.body.subarray(0, 4), message.answer]), asked.from);
	}

	return asked !== undefined;
}

/** Only an INIT to our port; other associations of the host are none of our business. */
function answerSctp(socket: InetSocket, port: number): boolean {
	const asked = receiveRaw(socket);
	if (asked && asked.body.length > sctpHeader && asked.body.readUInt16BE(2) === port && asked.body[sctpHeader] === 1) {
		socket.sendTo(sctpInitAck([port, asked.body.readUInt16BE(0)]).bytes, asked.from);
	}

	return asked !== undefined;
}

/** A raw socket of IPv4 delivers the IP header too, and says its protocol for a port. */
function receiveRaw(socket: InetSocket) {
	const asked = socket.receiveFrom();
	if (!asked) {
		return undefined;
	}

	const {bytes, from} = asked;
	const header = from.address.family === 4 ? ((bytes[0] ?? 0) & 0xF) * 4 : 0;
	return {body: bytes.subarray(header), from: {...from, port: 0}};
}
