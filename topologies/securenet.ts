/** The first story: three networks that only a perimeter firewall connects, and that it keeps apart. */
import {Topology} from 'securenet';

/**
Three networks behind a perimeter firewall. Inside a network every host reaches every other; between networks
nothing passes until a rule allows it.

	                             fw
	            ┌────────────────┼────────────────┐
	      10.0.10.254       10.0.20.254      10.0.30.254
	            s1               s2               s3
	         ┌──┴──┐          ┌──┴──┐          ┌──┴──┐
	        h10   h11        h20   h21        h30   h31
	        .10   .11        .20   .21        .30   .31
	       10.0.10.0/24     10.0.20.0/24     10.0.30.0/24

Try, at the prompt:

	pingall
	h10 bind sg1
	h20 bind sg2
	secrule add allow sg1 to sg2
	h10 ping -c 1 h20
*/
export default class SecureNet extends Topology {
	override readonly name = 'securenet';

	override build(): void {
		const fw = this.addRouter('fw', {perimeter: true});

		const s1 = this.addSwitch('s1');
		this.addLink(fw.interface({ip: '10.0.10.254/24'}), s1);
		this.addLink(this.addHost('h10', {ip: '10.0.10.10/24'}), s1);
		this.addLink(this.addHost('h11', {ip: '10.0.10.11/24'}), s1);

		const s2 = this.addSwitch('s2');
		this.addLink(fw.interface({ip: '10.0.20.254/24'}), s2);
		this.addLink(this.addHost('h20', {ip: '10.0.20.20/24'}), s2);
		this.addLink(this.addHost('h21', {ip: '10.0.20.21/24'}), s2);

		const s3 = this.addSwitch('s3');
		this.addLink(fw.interface({ip: '10.0.30.254/24'}), s3);
		this.addLink(this.addHost('h30', {ip: '10.0.30.30/24'}), s3);
		this.addLink(this.addHost('h31', {ip: '10.0.30.31/24'}), s3);
	}
}
