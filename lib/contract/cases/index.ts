/** All cases of the contract, in the order of the acceptance list. */
import {compareNames} from '../../util/names.ts';
import type {Case} from '../case.ts';
import {changeCases} from './changes.ts';
import {connectionCases} from './connections.ts';
import {groupCases} from './groups.ts';
import {portCases} from './port.ts';
import {trafficCases} from './traffic.ts';

const letters = ['F', 'S', 'M'];

export const cases: readonly Case[] = [...portCases, ...trafficCases, ...groupCases, ...connectionCases, ...changeCases]
	.sort((a, b) => letters.indexOf(a.name.charAt(0)) - letters.indexOf(b.name.charAt(0)) || compareNames(a.name, b.name));
