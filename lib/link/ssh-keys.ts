/** Keys for SSH tunnels, made for one lab and gone with it. */
import {readFileSync} from 'node:fs';
import {run} from '../kernel/process.ts';

/**
Writes a key pair without a passphrase to FILE, which only its owner can read, and FILE.pub.
Equivalent to: `ssh-keygen -t ed25519 -N '' -C COMMENT -f FILE`

@returns the public key as one line
@throws ProgramError when the file is there already; MachineError `missing-program`
*/
export async function makeKey(file: string, comment: string): Promise<string> {
	await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file]);
	return readFileSync(`${file}.pub`, 'utf8').trim();
}
