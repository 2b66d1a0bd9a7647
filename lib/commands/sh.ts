/** `sh LINE`: gives the rest of the line to a shell on the host, where `ovs-vsctl` and its kin find this lab's Open vSwitch. */
import {type Output, execute} from '../kernel/process.ts';
import type {Command} from './command.ts';
import {streamsFor} from './streams.ts';

export type ShResult = Output;

export const shCommand: Command<string, ShResult> = {
	name: 'sh',
	usage: 'sh LINE',
	summary: 'run a shell line on this machine, such as: sh ovs-vsctl show',
	details: 'The only command whose text reaches a shell. It runs outside the lab\'s namespaces, with OVS_RUNDIR set for ovs-vsctl and ovs-ofctl.',
	verbatim: 'line',
	read(reader) {
		return reader.take(['shell line'], () => []).text;
	},
	async run({network}, line, io) {
		return execute(['/bin/sh', '-c', line], {...streamsFor(io), env: network.environment()});
	},
	text({stdout, stderr}) {
		return `${stdout}${stderr}`.replace(/\n$/, '');
	},
	ok({exitCode}) {
		return exitCode === 0;
	},
};
