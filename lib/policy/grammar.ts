/** The rule language: reads a sentence into a rule and prints it back. */
import type {Word} from '../util/words.ts';
import {readClauses} from './clauses.ts';
import type {Action, Rule, RuleParts, Traffic} from './model.ts';
import {defaultPrio} from './model.ts';
import type {Names} from './names.ts';
import {peerManner, peerText, readPeer} from './peer.ts';
import {portsText} from './ports.ts';
import {Reader} from './reader.ts';

/*
The grammar; spaces part the words.
- RULE := ACTION PEER to PEER [CLAUSE …]
- ACTION := allow | deny | reject
- PEER: see peer.ts
- CLAUSE: see clauses.ts; clauses come in any order.
*/

const actions: readonly Action[] = ['allow', 'deny', 'reject'];

/** How a rule is written, for usage lines. */
export const ruleUsage = 'allow|deny|reject PEER to PEER [CLAUSE …]';

/**
Reads the words after `secrule add`.

@param column where the first word would stand when there is none, 1-based
@throws InputError with the column of the mistake, what was expected there and the nearest known words
*/
export function parseRule(words: readonly Word[], names: Names, column = 1): RuleParts {
	return readRule(new Reader(words, ruleUsage, column), names);
}

/** A rule to the end of the sentence; what the reader was last offered is what may come next. @throws as parseRule */
export function readRule(reader: Reader, names: Names): RuleParts {
	const action = reader.oneOf(actions);
	const from = readPeer(reader, names);
	reader.oneOf(['to'], {...peerManner, hint: text => text === ',' ? 'Several peers stand in parentheses: (a, b).' : undefined});
	const to = readPeer(reader, names);
	return {action, from, to, ...readClauses(reader, names, action)};
}

/**
Prints a rule as a sentence that reads back to an equal rule.

@param mode whether the policy that will read it makes rules stateful that do not say what they are
*/
export function sentence({action, from, to, traffic, stateful, prio, log, rate, name, comment, place}: RuleParts, mode = true): string {
	return [
		`${action} ${peerText(from)} to ${peerText(to)}`,
		trafficText(traffic ?? {kind: 'any'}),
		stateful === false ? 'stateless' : stateful && !mode ? 'stateful' : '',
		prio === undefined || prio === defaultPrio ? '' : `prio ${prio}`,
		place ? `${place.side} ${place.rule}` : '',
		rate ? `rate ${rate.perSecond}/s burst ${rate.burst}` : '',
		log ? `log${log.text === '' ? '' : ` ${quoted(log.text)}`}` : '',
		name === undefined ? '' : `name ${name}`,
		comment === undefined ? '' : `comment ${quoted(comment)}`,
	].filter(Boolean).join(' ');
}

/** The sentence of a rule with its number, as messages name it: `2 (allow sg1 to sg2)`. */
export function numbered(rule: Rule): string {
	return `${rule.id} (${sentence(rule)})`;
}

/** Empty for any traffic. */
function trafficText(traffic: Traffic): string {
	switch (traffic.kind) {
		case 'any':
			return '';
		case 'ports': {
			const {protocol, sport, dport} = traffic;
			return [protocol, ...sport ? [`sport ${portsText(sport)}`] : [], ...dport ? [`dport ${portsText(dport)}`] : []].join(' ');
		}

		case 'icmp':
			return traffic.type === undefined ? traffic.protocol : `${traffic.protocol} type ${traffic.type}`;
		case 'protocol':
			return `proto ${traffic.number}`;
		case 'services':
			return `service ${traffic.names.join(',')}`;
	}
}

/** As splitWords reads it inside double quotes. */
function quoted(text: string): string {
	return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
