/** The names of ICMP messages, and what each is in ICMP and in ICMPv6. */
import type {Family} from '../util/address.ts';

/** Without a code it stands for every code of the type. */
export type IcmpMessage = {readonly type: number; readonly code?: number};

/** By family; a family that has no such message is absent. */
export type IcmpMeaning = {readonly [family in Family]?: IcmpMessage};

/** Numbers of RFC 792, 1256 and 1812 for ICMP, of RFC 4443, 4861 and 2710 for ICMPv6; where the codes differ, the two that say the same. */
export const icmpTypes: ReadonlyMap<string, IcmpMeaning> = new Map<string, IcmpMeaning>([
	['echo-request', {4: {type: 8}, 6: {type: 128}}],
	['echo-reply', {4: {type: 0}, 6: {type: 129}}],
	['destination-unreachable', {4: {type: 3}, 6: {type: 1}}],
	['network-unreachable', {4: {type: 3, code: 0}, 6: {type: 1, code: 0}}],
	['host-unreachable', {4: {type: 3, code: 1}, 6: {type: 1, code: 3}}],
	['protocol-unreachable', {4: {type: 3, code: 2}, 6: {type: 4, code: 1}}],
	['port-unreachable', {4: {type: 3, code: 3}, 6: {type: 1, code: 4}}],
	['fragmentation-needed', {4: {type: 3, code: 4}}],
	['admin-prohibited', {4: {type: 3, code: 13}, 6: {type: 1, code: 1}}],
	['packet-too-big', {6: {type: 2}}],
	['time-exceeded', {4: {type: 11}, 6: {type: 3}}],
	['parameter-problem', {4: {type: 12}, 6: {type: 4}}],
	['redirect', {4: {type: 5}, 6: {type: 137}}],
	['router-solicitation', {4: {type: 10}, 6: {type: 133}}],
	['router-advertisement', {4: {type: 9}, 6: {type: 134}}],
	['timestamp-request', {4: {type: 13}}],
	['timestamp-reply', {4: {type: 14}}],
	['neighbor-solicitation', {6: {type: 135}}],
	['neighbor-advertisement', {6: {type: 136}}],
	['listener-query', {6: {type: 130}}],
	['listener-report', {6: {type: 131}}],
	['listener-done', {6: {type: 132}}],
]);
