/** A lab as far as reading lines and completing them goes: the nodes of the first story and what enforces rules there, two groups, an address set and a rule. */
import type {Scene} from '../../lib/commands/command.ts';
import {inventoryOf} from '../../lib/policy/inventory.ts';
import {secureNet, sketch} from './blueprints.ts';
import {policyOf} from './arbitrary-policy.ts';

const blueprint = sketch(secureNet);

export const scene: Scene = {
	network: blueprint,
	inventory: inventoryOf(blueprint),
	policy: policyOf(['h10 bind web', 'h20 bind db', 'ipg add office 10.1.0.0/16', 'secrule add allow web to db'], blueprint),
};
