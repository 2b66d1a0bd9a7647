/** The near end of an SSH tunnel: its key, its configuration, and one connection at a time. */
import {mkdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {type RunningProgram, start} from '../kernel/daemon.ts';
import type {Namespace} from '../kernel/namespace.ts';
import {logTail} from '../kernel/readiness.ts';
import {type Address, formatAddress} from '../util/address.ts';
import {makeKey} from './ssh-keys.ts';
import {sshPort, unitOf} from './sshd.ts';

export type KeepAlive = {
	/** Seconds between two questions to a silent server. */
	readonly interval: number;
	/** Unanswered ones after which the connection counts as lost. */
	readonly count: number;
};

export type SshClientOptions = {
	readonly node: string;
	readonly namespace: Namespace;
	/** Such as `tun0` or `tap0`. */
	readonly device: string;
	readonly mode: 'layer3' | 'layer2';
	/** Of the lab's SSH tunnels; the client makes one of its own in it. */
	readonly directory: string;
	readonly keepAlive: KeepAlive;
	readonly server: {readonly node: string; readonly device: string; readonly endpoint: Address};
};

/** Seconds for an attempt to connect. */
const patience = 10;

export class SshClient {
	readonly #options: SshClientOptions;
	readonly #directory: string;

	constructor(options: SshClientOptions) {
		this.#options = options;
		this.#directory = join(options.directory, `${options.node}-${options.device}`);
	}

	/** Makes the key. @returns the public key; @throws as `makeKey` */
	async prepare(): Promise<string> {
		mkdirSync(this.#directory, {recursive: true, mode: 0o700});
		return makeKey(this.#file('key'), `${this.#options.node}-${this.#options.device}`);
	}

	/** Tells the client whom to believe that it is the server. */
	trust(hostKey: string): void {
		const {node} = this.#options.server;
		writeFileSync(this.#file('known_hosts'), `${node} ${hostKey}\n`, {mode: 0o600});
		writeFileSync(this.#file('ssh_config'), this.#configuration(), {mode: 0o600});
	}

	/**
	Makes one connection, which ends by itself only when it is lost. Its log holds this one alone.
	Equivalent to: `ssh -N -w UNIT:UNIT SERVER`, in the node
	*/
	connect(): RunningProgram {
		const {namespace, server} = this.#options;
		rmSync(this.#file('ssh.log'), {force: true});
		return start(['ssh', '-N', '-F', this.#file('ssh_config'), server.node], {namespace, log: this.#file('ssh.log')});
	}

	/** What it has said of the last connection. */
	get log(): string {
		return logTail(this.#file('ssh.log')).replaceAll('\r', '');
	}

	/** Takes its files away. */
	forget(): void {
		rmSync(this.#directory, {recursive: true, force: true});
	}

	#file(name: string): string {
		return join(this.#directory, name);
	}

	/** Nothing is read or written but the lab's own files: no user's keys, agent, known hosts or settings. See ssh_config(5). */
	#configuration(): string {
		const {device, mode, keepAlive, server} = this.#options;
		return [
			`Host ${server.node}`,
			`HostName ${formatAddress(server.endpoint)}`,
			`Port ${sshPort}`,
			'User root',
			`HostKeyAlias ${server.node}`,
			`UserKnownHostsFile "${this.#file('known_hosts')}"`,
			'GlobalKnownHostsFile /dev/null',
			'StrictHostKeyChecking yes',
			'UpdateHostKeys no',
			`IdentityFile "${this.#file('key')}"`,
			'IdentitiesOnly yes',
			'IdentityAgent none',
			'PreferredAuthentications publickey',
			'BatchMode yes',
			`Tunnel ${mode === 'layer3' ? 'point-to-point' : 'ethernet'}`,
			`TunnelDevice ${unitOf(device)}:${unitOf(server.device)}`,
			'ExitOnForwardFailure yes',
			`ConnectTimeout ${patience}`,
			`ServerAliveInterval ${keepAlive.interval}`,
			`ServerAliveCountMax ${keepAlive.count}`,
			'',
		].join('\n');
	}
}
