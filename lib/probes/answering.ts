/** The answering end of a probe: whatever must listen on the target so that a request gets its answer. */
import {InetSocket, isTaken} from '../kernel/inet-socket.ts';
import {messageOf} from '../util/errors.ts';
import {message} from './asking.ts';
import {udp, withChecksum} from './packet.ts';
import type {Question} from './probe.ts';
import {protocol} from './protocols.ts';
import {sctpInitAck} from './sctp.ts';

/** Answers that are given before others get their turn. */
const most = 256;
const [sctpHeader, udpHeader] = [12, 8];

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

	/** A TCP port that a program has is as good as one of ours: it answers, or the kernel does. Beside the program that has a UDP port somebody else answers. */
	static open(question: Question): Answerer {
		try {
			return Answerer.#open(question);
		} catch (error) {
			return isTaken(error) ? Answerer.#beside(question) : Answerer.#silent(question, error);
		}
	}

	static #beside(question: Question): Answerer {
		try {
			return question.transport === 'udp' ? new Answerer(rawSocket(question, protocol.udp), socket => answerBeside(socket, question)) : new Answerer(undefined);
		} catch (error) {
			return Answerer.#silent(question, error);
		}
	}

	static #silent({to}: Question, error: unknown): Answerer {
		return new Answerer(undefined, undefined, `${to.name} cannot listen: ${messageOf(error)}`);
	}

	static #open(question: Question): Answerer {
		const {to, transport, number, destination, port} = question;
		switch (transport) {
			case 'echo':
				return new Answerer(undefined);
			case 'tcp':
				return new Answerer(listening(bound(question, InetSocket.open(to.namespace, destination.family, 'stream').shareAddress(), port)));
			case 'udp':
				return new Answerer(bound(question, InetSocket.open(to.namespace, destination.family, 'datagram'), port), answerDatagram);
			case 'sctp':
				return new Answerer(rawSocket(question, number), socket => answerSctp(socket, port));
			case 'other':
				return new Answerer(rawSocket(question, number), answerRaw);
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

function rawSocket(question: Question, number: number): InetSocket {
	return bound(question, InetSocket.open(question.to.namespace, question.destination.family, {protocol: number}), 0);
}

function bound({destination}: Question, socket: InetSocket, port: number): InetSocket {
	return orClosed(socket, () => {
		socket.bind({address: destination, port});
	});
}

function listening(socket: InetSocket): InetSocket {
	return orClosed(socket, () => {
		socket.listen();
	});
}

function orClosed(socket: InetSocket, work: () => void): InetSocket {
	try {
		work();
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

/** The kernel gives a raw socket a copy of what the program gets. */
function answerBeside(socket: InetSocket, {destination, port}: Question): boolean {
	const asked = receiveRaw(socket);
	if (asked && asked.body.length >= udpHeader && asked.body.readUInt16BE(2) === port && asked.body.subarray(udpHeader).equals(message.ask)) {
		const answer = udp([port, asked.body.readUInt16BE(0)], message.answer);
		socket.sendTo(withChecksum(destination, asked.from.address, answer), asked.from);
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
