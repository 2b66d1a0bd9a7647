/** The driver that one under test is exchanged with in a running lab, and how both are chosen. */
import {namedDrivers} from '../drivers/factory.ts';
import {type FirewallName, firewallNames} from '../topology/firewalls.ts';
import type {DriverUnderTest} from './case.ts';

/** The first of the same kind, which is the one that devices have when nobody chooses; for that one the second. Undefined when there is no other. */
export function otherThan({name, kind}: DriverUnderTest): FirewallName | undefined {
	return firewallNames.find(each => namedDrivers[each].kind === kind && each !== name);
}

/** The name by which users choose it; undefined when it is not ours. */
export function choiceOf({name, create}: DriverUnderTest): FirewallName | undefined {
	return firewallNames.find(each => each === name && namedDrivers[each].create === create);
}
