/** Golden tests: `npm run test:update` rewrites what is expected; the diff is then to be read. */
import test from 'ava';
import {readSample, renderSample, sampleNames, writeSample} from '../helpers/samples.ts';

for (const name of sampleNames) {
	test(`sample ${name}`, async t => {
		for (const [file, text] of await renderSample(name)) {
			if (process.env['UPDATE_SAMPLES']) {
				writeSample(name, file, text);
			}

			t.is(text, readSample(name, file), `${name}/${file}`);
		}
	});
}
