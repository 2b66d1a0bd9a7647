/** Parameters of a topology: values that its file declares with a type and a default, and that scripts or the command line give. */
import {InputError} from '../util/errors.ts';
import {nearestNames, printable} from '../util/names.ts';

export type ParameterSpec =
	| {readonly type: 'number'; readonly default: number; readonly summary: string; /** With both, a whole number from one to the other. */ readonly min?: number; readonly max?: number}
	| {readonly type: 'string'; readonly default: string; readonly summary: string; readonly choices?: readonly string[]}
	| {readonly type: 'boolean'; readonly default: boolean; readonly summary: string};

/** By name, as in `--name value`. */
export type ParameterSpecs = Readonly<Record<string, ParameterSpec>>;

export type ParameterValue = number | string | boolean;
export type ParameterValues<Specs extends ParameterSpecs> = {readonly [Name in keyof Specs]: ValueOf<Specs[Name]>};

type ValueOf<Spec extends ParameterSpec> =
	Spec extends {readonly type: 'number'} ? number
		: Spec extends {readonly type: 'boolean'} ? boolean
			: Spec extends {readonly choices: ReadonlyArray<infer Choice>} ? Choice
				: string;

export function defaultValues(specs: ParameterSpecs): Record<string, ParameterValue> {
	return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, spec.default]));
}

/**
Reads the parameters given on the command line; those left out are absent, the constructor of the topology knows their defaults.

@param given text by parameter name; the empty text stands for a flag without a value
@param options what else could have been meant: the command line's own options
@throws InputError `unknown-parameter`, `parameter`
*/
export function parseParameters(specs: ParameterSpecs, given: Readonly<Record<string, string>>, options: readonly string[] = []): Record<string, ParameterValue> {
	return Object.fromEntries(Object.entries(given).map(([name, text]) => {
		const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
		if (!spec) {
			throw unknownParameter(specs, name, options);
		}

		return [name, parseValue(name, spec, text)];
	}));
}

/** A line for `--help` and error messages, such as `--hops NUMBER  routers in the path (default 0)`. */
export function parameterUsage(name: string, spec: ParameterSpec): string {
	return `--${name} ${placeholder(spec)}  ${spec.summary} (default ${spec.default.toString()})`;
}

function placeholder(spec: ParameterSpec): string {
	switch (spec.type) {
		case 'number': {
			return spec.min === undefined || spec.max === undefined ? 'NUMBER' : `${spec.min}..${spec.max}`;
		}

		case 'boolean': {
			return 'true|false';
		}

		case 'string': {
			return spec.choices?.join('|') ?? 'TEXT';
		}
	}
}

function unknownParameter(specs: ParameterSpecs, name: string, options: readonly string[]): InputError {
	const known = Object.keys(specs);
	const nearest = nearestNames(name, [...known, ...options]);
	const hint = nearest.length > 0 ? ` Did you mean ${nearest.map(each => `--${each}`).join(' or ')}?` : '';
	const list = known.length > 0 ? ['It takes:', ...Object.entries(specs).map(([each, spec]) => `  ${parameterUsage(each, spec)}`)].join('\n') : 'It takes none.';
	return new InputError('unknown-parameter', `The topology has no parameter "${printable(name)}".${hint} ${list}`, {expected: known, nearest});
}

function parseValue(name: string, spec: ParameterSpec, text: string): ParameterValue {
	const value = valueOf(spec, text);
	if (value === undefined) {
		const expected = placeholder(spec);
		const nearest = spec.type === 'string' ? nearestNames(text, spec.choices ?? []) : [];
		throw new InputError('parameter', `--${name} cannot be "${printable(text)}". Write --${name} ${expected}.`, {expected: expected.split('|'), nearest});
	}

	return value;
}

function valueOf(spec: ParameterSpec, text: string): ParameterValue | undefined {
	switch (spec.type) {
		case 'number': {
			const {min, max} = spec;
			const fits = min === undefined || max === undefined || (/^-?\d+$/.test(text) && Number(text) >= min && Number(text) <= max);
			return fits && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
		}

		case 'boolean': {
			return ({'': true, 'true': true, 'false': false} as Readonly<Record<string, boolean>>)[text];
		}

		case 'string': {
			return (spec.choices?.includes(text) ?? text !== '') ? text : undefined;
		}
	}
}
