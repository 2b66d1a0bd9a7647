/** What the compiler refuses in a topology file, and what is said where nobody has asked the compiler: files run without a type check. */
import test from 'ava';
import {Topology, check} from '../../lib/index.ts';
import type {Settings} from '../../lib/topology/specs.ts';

// The types step of scripts/test fails when a line under @ts-expect-error is no mistake for the compiler.

class MisspelledOption extends Topology {
	override build(): void {
		// @ts-expect-error a host has a gateway
		this.addLink(this.addHost('h1', {gatway: '10.0.0.254'}), this.addSwitch('s1'));
	}
}

class MisspelledLinkOption extends Topology {
	override build(): void {
		// @ts-expect-error a link has a delay
		this.addLink(this.addHost('h1'), this.addSwitch('s1'), {dealy: '1ms'});
	}
}

class OptionOfAnotherKind extends Topology {
	override build(): void {
		// @ts-expect-error only routers are perimeters
		this.addLink(this.addHost('h1', {perimeter: true}), this.addSwitch('s1'));
	}
}

class MisspelledFirewall extends Topology {
	override build(): void {
		// @ts-expect-error the driver is called openflow
		this.addLink(this.addHost('h1'), this.addSwitch('s1', {firewall: 'openflwo'}));
	}
}

class MisspelledSetting extends Topology {
	// @ts-expect-error the setting is called ipBase
	override readonly settings: Settings = {ipBas: '10.0.0.0/8'};
	override build(): void {
		this.addLink(this.addHost('h1'), this.addSwitch('s1'));
	}
}

class MisspelledNode extends Topology {
	override build(): void {
		const node = {h1: this.addHost('h1'), s1: this.addSwitch('s1')};
		// @ts-expect-error there is no s2
		const end: keyof typeof node = 's2';
		this.addLink(node.h1, node[end]);
	}
}

class NodeByName extends Topology {
	override build(): void {
		const h1 = this.addHost('h1');
		this.addSwitch('s1');
		// @ts-expect-error nodes are linked by their handles, which nobody can misspell
		this.addLink(h1, 's1');
	}
}

class MisspelledParameter extends Topology.with({hops: {type: 'number', default: 1, summary: 'routers in the path'}}) {
	override build(): void {
		// @ts-expect-error the parameter is called hops
		this.addLink(this.addHost(`h${this.parameters.hosp}`), this.addSwitch('s1'));
	}
}

const refused = test.macro({
	title: (_, Misspelled: new () => Topology) => `${Misspelled.name} is refused without the compiler, too`,
	exec(t, Misspelled: new () => Topology, message: RegExp) {
		t.throws(() => check(new Misspelled()), {message});
	},
});

test(refused, MisspelledOption, /gatway.*Did you mean gateway/);
test(refused, MisspelledLinkOption, /dealy.*Did you mean delay/);
test(refused, OptionOfAnotherKind, /h1: there is no option "perimeter" here/);
test(refused, MisspelledFirewall, /s1: .*firewall/);
test(refused, MisspelledSetting, /ipBas.*Did you mean ipBase/);
test(refused, MisspelledNode, /was given undefined as its end/);
test(refused, NodeByName, /was given "s1" as its end\. Give it what addHost/);

test('of a misspelled parameter only the compiler knows', t => {
	t.true(check(new MisspelledParameter()).nodes.has('hundefined'));
});
