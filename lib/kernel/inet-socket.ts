/** Sockets of IPv4 and IPv6 inside a namespace, none of which ever waits: streams, datagrams, and raw packets of one protocol. */
import {KernelError} from '../util/errors.ts';
import {type Address, type Family, addressBytes, formatAddress, fromBytes} from '../util/address.ts';
import {type Namespace, inside} from './namespace.ts';
import {
	AF_INET, AF_INET6, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_RAW, SOCK_STREAM, SOL_SOCKET, SO_LINGER, SO_REUSEADDR,
	bind, close, listen, localAddress, setSocketOption, socket, tryAccept, tryConnect, tryRecv, tryRecvFrom, trySend, trySendTo,
} from './syscall.ts';

/** Connections that may wait to be accepted: the kernel's own limit, net.core.somaxconn. */
const backlog = 4096;
/** Bytes; longer datagrams are cut off. */
const longest = 2048;

export type Endpoint = {readonly address: Address; readonly port: number};
export type SocketKind = 'stream' | 'datagram' | {readonly protocol: number};

export class InetSocket {
	static readonly #buffer = Buffer.alloc(longest);
	readonly fd: number;
	readonly #family: Family;

	private constructor(fd: number, family: Family) {
		this.fd = fd;
		this.#family = family;
	}

	/** @throws KernelError such as EPROTONOSUPPORT */
	static open(namespace: Namespace, family: Family, kind: SocketKind): InetSocket {
		const [type, protocol] = kind === 'stream' ? [SOCK_STREAM, 0] : kind === 'datagram' ? [SOCK_DGRAM, 0] : [SOCK_RAW, kind.protocol];
		return new InetSocket(inside(namespace, () => socket(domainOf(family), type | SOCK_NONBLOCK, protocol)), family);
	}

	/** Lets it have a port that others of its kind have too: datagrams that all share, streams that are not listening. */
	shareAddress(): this {
		setSocketOption(this.fd, SOL_SOCKET, SO_REUSEADDR, 1);
		return this;
	}

	/** @throws KernelError naming the address, such as EADDRINUSE */
	bind(endpoint: Endpoint): void {
		bind(this.fd, toBytes(endpoint), `${formatAddress(endpoint.address)} port ${endpoint.port}`);
	}

	listen(): void {
		listen(this.fd, backlog);
	}

	/** Undefined when no connection is waiting. */
	accept(): InetSocket | undefined {
		const fd = tryAccept(this.fd);
		return fd === undefined ? undefined : new InetSocket(fd, this.#family);
	}

	/**
	Sets the other end; a stream sends its first packet. From now on `local` is known.

	@returns undefined when that was possible, else the errno's name, such as ENETUNREACH
	*/
	connect(endpoint: Endpoint): string | undefined {
		return tryConnect(this.fd, toBytes(endpoint));
	}

	/** This end. The port of a raw socket is its protocol. */
	get local(): Endpoint {
		const bytes = Buffer.alloc(addressLength(this.#family));
		localAddress(this.fd, bytes);
		return fromSocketAddress(bytes, this.#family);
	}

	/** Undefined when the bytes went to the other end, else the errno's name. */
	send(bytes: Uint8Array): string | undefined {
		return trySend(this.fd, bytes);
	}

	sendTo(bytes: Uint8Array, endpoint: Endpoint): string | undefined {
		return trySendTo(this.fd, bytes, toBytes(endpoint));
	}

	/** How many bytes came: 0 when the other end closed, undefined when nothing is there. */
	receive(): number | undefined {
		return tryRecv(this.fd, InetSocket.#buffer);
	}

	/** The next datagram and who sent it. The bytes are valid until the next one is read; those of a raw IPv4 socket begin with the IP header. */
	receiveFrom(): {readonly bytes: Buffer; readonly from: Endpoint} | undefined {
		const address = Buffer.alloc(addressLength(this.#family));
		const length = tryRecvFrom(this.fd, InetSocket.#buffer, address);
		return length === undefined ? undefined : {bytes: InetSocket.#buffer.subarray(0, Math.min(length, longest)), from: fromSocketAddress(address, this.#family)};
	}

	/** A stream that is closed like this ends with a reset and leaves no port behind in TIME_WAIT. */
	abort(): void {
		try {
			setSocketOption(this.fd, SOL_SOCKET, SO_LINGER, Uint8Array.from(new Uint8Array(Int32Array.of(1, 0).buffer)));
		} finally {
			this.close();
		}
	}

	close(): void {
		close(this.fd);
	}
}

/** Whether a failure says that somebody else has the port. */
export function isTaken(error: unknown): boolean {
	return error instanceof KernelError && error.errno === 'EADDRINUSE';
}

function domainOf(family: Family): number {
	return family === 4 ? AF_INET : AF_INET6;
}

/** Bytes of struct sockaddr_in and struct sockaddr_in6. */
function addressLength(family: Family): 16 | 28 {
	return family === 4 ? 16 : 28;
}

function toBytes({address, port}: Endpoint): Buffer {
	const bytes = Buffer.alloc(addressLength(address.family));
	bytes.writeUInt16LE(domainOf(address.family), 0);
	bytes.writeUInt16BE(port, 2);
	bytes.set(addressBytes(address), address.family === 4 ? 4 : 8);
	return bytes;
}

function fromSocketAddress(bytes: Buffer, family: Family): Endpoint {
	return {address: fromBytes(family === 4 ? bytes.subarray(4, 8) : bytes.subarray(8, 24)), port: bytes.readUInt16BE(2)};
}
