"""One network of Mininet, up and down, with its times as JSON lines: what scripts/bench compares SecureNet with.

Runs in network, process and mount namespaces of its own (see mininet.ts), so that nothing of the machine is touched:

    mininet.py up SHAPE ovs|bridge      events begin, ready, leave, gone; times are milliseconds of CLOCK_MONOTONIC
    mininet.py run SHAPE ovs|bridge     event ran: a whole `mn --test pingpair`
"""
import glob
import json
import os
import subprocess
import sys
import time

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.node import OVSBridge
from mininet.nodelib import LinuxBridge
from mininet.topo import LinearTopo, MinimalTopo, SingleSwitchTopo
from mininet.topolib import TreeTopo

SHAPES = {'minimal': MinimalTopo, 'single': SingleSwitchTopo, 'linear': LinearTopo, 'tree': TreeTopo}
# In userspace, as SecureNet's on a machine without the kernel's datapath. Without batch, Mininet types one line for a whole switch into a
# terminal, which cuts it off after 4,096 characters, and of 100 ports 58 are made.
SWITCHES = {'ovs': lambda name, **options: OVSBridge(name, datapath='user', batch=True, **options), 'bridge': LinuxBridge}
SWITCH_ARGUMENTS = {'ovs': 'ovsbr,datapath=user', 'bridge': 'lxbr'}


def main(what, shape, kind):
    setLogLevel('critical')
    make_private()
    if kind == 'ovs':
        start_open_vswitch()
    {'up': up, 'run': run}[what](shape, kind)


def make_private():
    """The namespaces are ours already; what is mounted at /run and /sys is still the machine's."""
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/run'], check=True)
    subprocess.run(['mount', '-t', 'sysfs', 'sysfs', '/sys'], check=True)
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    os.makedirs('/run/openvswitch')


def start_open_vswitch():
    """Mininet expects a service that runs already, so its start is not counted."""
    database = '/run/openvswitch/conf.db'
    schema = '/usr/share/openvswitch/vswitch.ovsschema'
    quiet = ['--detach', '--no-chdir', '--pidfile', '-vconsole:off', '-vsyslog:off']
    subprocess.run(['ovsdb-tool', 'create', database, schema], check=True)
    subprocess.run(['ovsdb-server', database, '--remote=punix:/run/openvswitch/db.sock', *quiet], check=True)
    subprocess.run(['ovs-vsctl', '--no-wait', 'init'], check=True)
    subprocess.run(['ovs-vswitchd', *quiet], check=True)


def up(shape, kind):
    tell('begin')
    net = Mininet(topo=topology(shape), switch=SWITCHES[kind], controller=None)
    net.start()
    first, last = net.hosts[0], net.hosts[-1]
    # Until the first answer, whichever request it is to. A local error ends it early.
    if not any('passed' in first.cmd(f'ping -i 0.05 -c 1 -w 30 {last.IP()} > /dev/null && echo passed') for _ in range(5)):
        sys.exit(f'No ping has passed from {first} to {last}.')
    tell('ready', **memory())
    tell('leave')
    net.stop()
    tell('gone')


def run(shape, kind):
    started = time.monotonic()
    subprocess.run(['mn', '--topo', shape, '--switch', SWITCH_ARGUMENTS[kind], '--controller', 'none', '--test', 'pingpair'], check=True, capture_output=True)
    print(json.dumps({'event': 'ran', 'ms': (time.monotonic() - started) * 1000}))


def topology(shape):
    word, *numbers = shape.split(',')
    return SHAPES[word](*map(int, numbers))


def memory():
    """Bytes of all processes here, each page counted by its share: what /proc/PID/smaps_rollup calls Pss."""
    shares = [share for share in map(pss, glob.glob('/proc/[0-9]*/smaps_rollup')) if share > 0]
    return {'processes': len(shares), 'bytes': sum(shares)}


def pss(path):
    try:
        with open(path) as lines:
            return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith('Pss:'))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def tell(event, **facts):
    print(json.dumps({'event': event, 'at': time.monotonic() * 1000, **facts}), flush=True)


main(*sys.argv[1:])
