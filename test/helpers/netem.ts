/** Whether this kernel has netem, as `capabilities` says, and the sentence with which shaping is refused where it has not. */
import {capabilities} from '../../lib/kernel/capabilities.ts';

const {available, detail, cure} = (await capabilities()).find(({name}) => name === 'netem') ?? {available: false, detail: '', cure: ''};

export const netem = {available, sentence: `${detail} ${cure ?? ''}`} as const;
