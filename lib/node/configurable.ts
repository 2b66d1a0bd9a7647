/** What configuring needs to know of a node; `Node` satisfies it. */
import type {Namespace} from '../kernel/namespace.ts';
import type {Interface} from '../link/interface.ts';
import type {NodePlan} from '../topology/blueprint.ts';

export type Configurable = {readonly plan: NodePlan; readonly namespace: Namespace; readonly interfaces: readonly Interface[]};
