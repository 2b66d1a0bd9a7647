import tseslint from 'typescript-eslint';

export default tseslint.config(
	{ignores: ['node_modules/', 'coverage/']},
	{
		files: ['**/*.ts'],
		extends: [tseslint.configs.strictTypeChecked],
		languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
		linterOptions: {reportUnusedDisableDirectives: 'error'},
		rules: {
			'max-lines': ['error', {max: 300}],
			'max-lines-per-function': ['error', {max: 50}],
			'@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true}],
			'@typescript-eslint/switch-exhaustiveness-check': ['error', {considerDefaultExhaustiveForUnions: true}],
			'@typescript-eslint/consistent-type-imports': 'error',
			'@typescript-eslint/consistent-type-definitions': ['error', 'type'],
			'no-console': 'error',
		},
	},
	{
		files: ['lib/cli.ts', 'lib/repl/**/*.ts', 'scripts/**/*.ts'],
		rules: {'no-console': 'off'},
	},
	{
		// AVA returns promises from test() that it awaits itself, and a table of cases is one long function by nature.
		files: ['test/**/*.ts'],
		rules: {
			'max-lines-per-function': 'off',
			'@typescript-eslint/no-floating-promises': 'off',
			// Between two looks in a loop any pause will do.
			'no-restricted-syntax': ['error', ...['[arguments.0.type="Literal"]', '[arguments.0.name="resolve"][arguments.1.type="Literal"]'].map(time => ({
				selector: `CallExpression[callee.name=/^(setTimeout|sleep)$/]${time}:not(:matches(WhileStatement, DoWhileStatement, ForStatement, ForOfStatement) CallExpression)`,
				message: 'No test depends on a fixed time: wait for the event (test/helpers/eventually.ts), or, where nothing may come, say so (quietFor).',
			}))],
		},
	},
);
