/** Packets that rules of a namespace report to a group of nfnetlink_log. See linux/netfilter/nfnetlink_log.h. */
import {KernelError} from '../util/errors.ts';
import {type Namespace, inside} from './namespace.ts';
import {Attributes} from './netlink-attributes.ts';
import {NETLINK_NETFILTER, nfHeaderLength, writeHeader} from './nfnetlink.ts';
import {NLMSG_ERROR, Request, align, headerLength, openSocket, reasonIn} from './rtnetlink.ts';
import {close, errnoName, recv, send, tryRecv} from './syscall.ts';

export type LoggedPacket = {
	/** As the rule gives it. */
	readonly prefix: string;
	/** From the IP header on, as much as is kept. */
	readonly packet: Buffer;
	/** Index of the interface it came in by; of a bridged packet that of the bridge. 0: it came in by none. */
	readonly interface: number;
};

/** Message types: subsystem 4, and the message's number. */
const message = {packet: 0x4_00, config: 0x4_01} as const;
/** Attributes of a configuration, with its command and its mode, and of a packet. */
const config = {command: 1, mode: 2, flags: 6} as const;
const attribute = {interface: 4, payload: 9, prefix: 10, sequence: 12} as const;
const bindCommand = 1;
const copyPacket = 2;
/** NFULNL_CFG_F_SEQ: reports of the group have numbers, from 0, also those that are lost. */
const numbered = 1;
/** Bytes of each packet: all headers that anybody reads. */
const copyLength = 128;
/** Packets that are read without a pause. */
const portion = 1000;

export class LogReader {
	readonly #fd: number;
	readonly #buffer = Buffer.alloc(1 << 17);
	/** What had come before the kernel had answered. */
	readonly #waiting: LoggedPacket[] = [];
	/** The number that the next report has when none is lost. */
	#next = 0;
	#lost = 0;

	/**
	Equivalent to: `ip netns exec NAMESPACE tcpdump -i nflog:GROUP`

	@throws KernelError EPERM when another program reads the group
	*/
	constructor(namespace: Namespace, group: number) {
		this.#fd = inside(namespace, () => openSocket(NETLINK_NETFILTER));
		try {
			this.#bind(namespace, group);
		} catch (error) {
			this.close();
			throw error;
		}
	}

	/**
	What has come since the last call, the first of it: a flood must not keep the program from all else. Never waits.

	@param most so many packets, and what else came with the last of them; the rest is there for the next call
	*/
	read(most = portion): LoggedPacket[] {
		const packets = this.#waiting.splice(0);
		while (packets.length < most) {
			// That something was lost is told before what is there, once (ENOBUFS, netlink(7)).
			const length = tryRecv(this.#fd, this.#buffer) ?? tryRecv(this.#fd, this.#buffer);
			if (length === undefined) {
				break;
			}

			packets.push(...this.#packetsIn(length));
		}

		return packets;
	}

	/** How many packets the kernel has not reported, as they came faster than they were read: known when the next one is read. */
	get lost(): number {
		return this.#lost;
	}

	close(): void {
		close(this.#fd);
	}

	#packetsIn(length: number): LoggedPacket[] {
		return [...messagesIn(this.#buffer, length)].filter(({type}) => type === message.packet).map(({at, end}) => this.#packet(at, end));
	}

	#packet(at: number, end: number): LoggedPacket {
		const {sequence, packet} = readPacket(this.#buffer.subarray(at + headerLength, end));
		// One that came before numbers were asked for has none.
		if (sequence !== undefined) {
			this.#lost += (sequence - this.#next) >>> 0;
			this.#next = (sequence + 1) >>> 0;
		}

		return packet;
	}

	#bind(namespace: Namespace, group: number): void {
		const request = new Request();
		writeConfig(request, group, 1, () => request.attribute(config.command, Uint8Array.of(bindCommand)));
		writeConfig(request, group, 2, () => request.attribute(config.mode, Uint8Array.of(0, 0, 0, copyLength, copyPacket, 0)).attribute(config.flags, Uint8Array.of(0, numbered)));
		request.acknowledgeLast();
		send(this.#fd, request.bytes, request.length);
		for (let done = false; !done;) {
			const length = recv(this.#fd, this.#buffer);
			for (const {type, at, end} of messagesIn(this.#buffer, length)) {
				if (type === NLMSG_ERROR) {
					throwRefusal(this.#buffer, at, `log group ${group}`, namespace.name);
					done ||= this.#buffer.readUInt32LE(at + 8) === 2;
				} else if (type === message.packet) {
					this.#waiting.push(this.#packet(at, end));
				}
			}
		}
	}
}

function* messagesIn(buffer: Buffer, length: number): Generator<{readonly type: number; readonly at: number; readonly end: number}> {
	for (let at = 0; at + headerLength <= length; at += Math.max(headerLength, align(buffer.readUInt32LE(at)))) {
		yield {type: buffer.readUInt16LE(at + 4), at, end: at + buffer.readUInt32LE(at)};
	}
}

function writeConfig(request: Request, group: number, sequence: number, fill: () => void): void {
	request.begin(message.config, 0, sequence);
	const start = request.length;
	writeHeader(request, 'both');
	request.bytes.writeUInt16BE(group, start + 2);
	fill();
	request.end();
}

function throwRefusal(buffer: Buffer, at: number, object: string, place: string): void {
	const code = -buffer.readInt32LE(at + headerLength);
	if (code !== 0) {
		const errno = errnoName(code);
		throw new KernelError('read', errno, object, {reason: reasonIn(buffer, at) ?? (errno === 'EPERM' ? 'another program reads it, or this one is not root' : undefined), place});
	}
}

/** Copies: the buffer is filled again. */
function readPacket(payload: Buffer): {readonly sequence: number | undefined; readonly packet: LoggedPacket} {
	const attributes = new Attributes(payload, nfHeaderLength);
	const prefix = attributes.bytes(attribute.prefix).toString('latin1').replace(/\0.*$/s, '');
	return {
		sequence: attributes.number(attribute.sequence),
		packet: {prefix, packet: Buffer.from(attributes.bytes(attribute.payload)), interface: attributes.number(attribute.interface) ?? 0},
	};
}
