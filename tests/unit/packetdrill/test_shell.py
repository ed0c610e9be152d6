"""Shell commands are read, never run."""

from __future__ import annotations

import pytest

from netsim.packetdrill import shell
from netsim.packetdrill.shell import CommandError, interpret


def test_sysctl_of_both_systems() -> None:
    (first,) = interpret("sysctl -w net.inet.tcp.insecure_rst=1")
    assert isinstance(first, shell.SysctlSet)
    assert (first.system, first.name, first.value) == ("freebsd", "net.inet.tcp.insecure_rst", "1")
    second, third = interpret('sysctl -q net/ipv4/tcp_ecn=1 \\\n net.ipv4.tcp_wmem="4096  50000 4194304" # why')
    assert isinstance(second, shell.SysctlSet)
    assert isinstance(third, shell.SysctlSet)
    assert (second.system, second.name, second.value) == ("linux", "net.ipv4.tcp_ecn", "1")
    assert third.value == "4096 50000 4194304"


def test_helpers_of_the_linux_suite() -> None:
    actions = interpret("../common/defaults.sh\n./set_sysctls.py /proc/sys/net/ipv4/tcp_timestamps=0\\\n")
    assert isinstance(actions[0], shell.MetricsFlush)
    values = {action.name: action.value for action in actions if isinstance(action, shell.SysctlSet)}
    assert values["net.ipv4.tcp_timestamps"] == "0"
    assert values["net.ipv4.tcp_rmem"] == "4096 540000 15728640"
    assert isinstance(interpret("/tmp/sysctl_restore_${PPID}.sh")[0], shell.SysctlRestore)


def test_sockstat() -> None:
    (count,) = interpret("sockstat -6 -P tcp -s -p 8080 | grep -c SYN_RCVD | grep 0")
    assert isinstance(count, shell.SockstatCount)
    assert (count.ip_version, count.port, count.state, count.wanted) == (6, 8080, "SYN_RCVD", "0")
    (count,) = interpret("sockstat -4 -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1")
    assert isinstance(count, shell.SockstatCount)
    assert (count.ip_version, count.port, count.state, count.wanted) == (4, 0, "TIME_WAIT", "1")


def test_the_rest() -> None:
    text = """tcpdrop -s TIME_WAIT
kldstat -q -m tcpmd5 || kldload tcpmd5; echo 'add 10.0.0.1 10.0.0.2 tcp 0x1000 -A tcp-md5 "secret" ;' | setkey -c
setkey -F
tc qdisc delete dev tun0 root 2>/dev/null ; tc qdisc add dev tun0 root pfifo limit 0
ethtool -K tun0 tso off gso off
ip -6 route change 2001:DB8::1 via fd3d::0 dev tun0 advmss 600 mtu lock 660 initcwnd 11
sysctl -q net.ipv4.tcp_fastopen_cookies=0 &> /dev/null ||\\
ip tcp_metrics flush all &> /dev/null
nstat > /dev/null
nstat | grep TcpExtOutOfWindowIcmps > /dev/null
grep " 0A " /proc/net/tcp /proc/net/tcp6 | grep ":1F90"
echo 3 > /sys/module/tcp_cubic/parameters/hystart_detect
/bin/rm -f /tmp/testfile
/bin/dd bs=1 count=5 if=/dev/zero of=/tmp/testfile status=none"""
    kinds = [type(action).__name__ for action in interpret(text)]
    assert kinds == [
        "TcpDrop", "KernelModule", "KeyAdd", "KeyFlush", "TcQdisc", "TcQdisc", "EthtoolFeature", "EthtoolFeature",
        "RouteChange", "MetricsFlush", "CounterReset", "CounterChanged", "ProcNetTcpLine", "ModuleParameter",
        "TestFile", "TestFile",
    ]  # fmt: skip
    route = interpret("ip route change 1.2.3.4 via 1.1.1.1 dev tun0 advmss 600 mtu lock 640 initcwnd 11")[0]
    assert isinstance(route, shell.RouteChange)
    metrics = route.metrics
    assert metrics is not None
    assert (metrics.advmss, metrics.mtu, metrics.mtu_locked, metrics.initcwnd) == (600, 640, True, 11)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("reboot", "'reboot' is not known"),
        ("rm -rf / && reboot", "'reboot' is not known"),
        ("sysctl -w net.inet.tcp.insecure_rts=1", "insecure_rts' is not known"),
        ("sysctl net.ipv4.tcp_sack", "not name=value"),
        ("cat /etc/passwd | mail x", "pipeline"),
        ("sockstat -4 | grep -c NOSTATE", "not a TCP state"),
        ("sockstat -4", "only with"),
        ("tc qdisc show", "not known"),
        ("ethtool -K tun0 tso", "pairs|not known"),
        ("echo x > /etc/passwd", "not known"),
        ("grep x /etc/passwd", "not known"),
        ("dd if=/dev/sda of=/x", "not known"),
        ("`reboot`", "not understood"),
        ("a 'unclosed", "not understood"),
        ("x" * 30_000, "at most"),
        ("| x", "nothing but"),
    ],
)
def test_unknown_commands_are_named(text: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        interpret(text)


def test_a_typing_error_gets_a_suggestion() -> None:
    with pytest.raises(CommandError) as caught:
        interpret("sysctl -w net.inet.tcp.insecure_rts=1")
    assert caught.value.hint == "did you mean net.inet.tcp.insecure_rst?"
