"""Reads the shell commands of scripts. NOTHING IS EVER EXECUTED, and no file is touched.

`interpret(text)` turns a command into typed actions, which the runner applies to the stack
under test. What it does not know is a `CommandError` that names it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from netsim.packetdrill import routes, sysctls
from netsim.packetdrill.commanderror import CommandError

if TYPE_CHECKING:
    from netsim.tcp.profile.route import RouteMetrics

_MAX_TEXT: Final = 20_000
_WORD: Final = re.compile(
    r"""(?P<blank>(?:[ \t\r]|\\\n)+)
      | (?P<comment>(?:(?<=[\s;])|^)\#[^\n]*)
      | (?P<redirect>(?:[0-9]?>&[0-9]|&?[0-9]?>>?[ \t]*[^\s;|&]+))
      | (?P<operator>\|\||&&|[|;\n])
      | (?P<word>(?:[^\s;|&<>"'\\`]|\\[^\n]|"[^"]*"|'[^']*'|\$\(\([^)]*\)\))+)""",
    re.VERBOSE,
)
_QUOTES: Final = re.compile(r"""\\([^\n])|"([^"]*)"|'([^']*)'""")
_STATES: Final = frozenset(
    {
        "CLOSED", "LISTEN", "SYN_SENT", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT_1", "CLOSING",
        "LAST_ACK", "FIN_WAIT_2", "TIME_WAIT",
    }
)  # fmt: skip


# --- actions -----------------------------------------------------------------------------


class Action:
    """What a command asks for."""

    __slots__ = ()

    def __repr__(self) -> str:
        names = [name for cls in type(self).__mro__ for name in cls.__dict__.get("__slots__", ())]
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"


class SysctlSet(Action):
    """`sysctl name=value`; `system` is "freebsd" or "linux"."""

    __slots__ = ("name", "system", "value")

    def __init__(self, system: str, name: str, value: str) -> None:
        self.system = system
        self.name = name
        self.value = value


class SysctlRestore(Action):
    """The helper script that puts Linux's variables back."""

    __slots__ = ()


class SockstatCount(Action):
    """FreeBSD's sockstat: how many TCP sockets are in `state`; the count must contain the digit string `wanted`."""

    __slots__ = ("ip_version", "port", "state", "wanted")

    def __init__(self, ip_version: int, state: str, port: int, wanted: str) -> None:
        self.ip_version = ip_version
        self.state = state
        self.port = port
        self.wanted = wanted


class TcpDrop(Action):
    """FreeBSD's tcpdrop: drop all connections in `state`."""

    __slots__ = ("state",)

    def __init__(self, state: str) -> None:
        self.state = state


class KernelModule(Action):
    """FreeBSD's kldload."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class KeyAdd(Action):
    """FreeBSD's setkey: a TCP-MD5 key for one direction."""

    __slots__ = ("destination", "key", "source", "spi")

    def __init__(self, source: str, destination: str, spi: int, key: bytes) -> None:
        self.source = source
        self.destination = destination
        self.spi = spi
        self.key = key


class KeyFlush(Action):
    """`setkey -F`."""

    __slots__ = ()


class TcQdisc(Action):
    """Linux's tc: the queueing discipline of the device; `limit` -1 = not given."""

    __slots__ = ("kind", "limit", "operation")

    def __init__(self, operation: str, kind: str, limit: int) -> None:
        self.operation = operation
        self.kind = kind
        self.limit = limit


class EthtoolFeature(Action):
    """Linux's ethtool -K: switch an offload on or off."""

    __slots__ = ("enabled", "feature")

    def __init__(self, feature: str, enabled: bool) -> None:
        self.feature = feature
        self.enabled = enabled


class RouteChange(Action):
    """Linux's ip route: metrics towards `destination` (an address, a prefix, or "default"); None: the route is gone."""

    __slots__ = ("destination", "metrics")

    def __init__(self, destination: str, metrics: RouteMetrics | None) -> None:
        self.destination = destination
        self.metrics = metrics


class LinkMtu(Action):
    """Linux's ip link: the MTU of the device."""

    __slots__ = ("mtu",)

    def __init__(self, mtu: int) -> None:
        self.mtu = mtu


class MetricsFlush(Action):
    """Linux's ip tcp_metrics flush: forget cookies and metrics of peers."""

    __slots__ = ()


class CounterReset(Action):
    """Linux's nstat: remember the counters, so that the next nstat shows what changed."""

    __slots__ = ()


class CounterChanged(Action):
    """Linux's nstat | grep NAME: the counter changed since the last nstat."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class ProcNetTcpLine(Action):
    """A line of /proc/net/tcp in this state (its number there) with this port exists."""

    __slots__ = ("port", "state")

    def __init__(self, state: int, port: int) -> None:
        self.state = state
        self.port = port


class ModuleParameter(Action):
    """A parameter of a Linux module, such as tcp_cubic's hystart_detect."""

    __slots__ = ("module", "name", "value")

    def __init__(self, module: str, name: str, value: str) -> None:
        self.module = module
        self.name = name
        self.value = value


class TestFile(Action):
    """A file of zeroes that the script will open (it exists only inside the run); size -1 = removed."""

    __slots__ = ("path", "size")
    __test__ = False

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        self.size = size


class Nothing(Action):
    """`true`, `sync`, an empty line: no effect here."""

    __slots__ = ()


# --- reading -----------------------------------------------------------------------------

Pipeline = list[list[str]]


def interpret(text: str) -> list[Action]:
    """The actions that a command asks for, in order. Raises CommandError."""
    if len(text) > _MAX_TEXT:
        raise CommandError(f"a command has at most {_MAX_TEXT} characters")
    actions: list[Action] = []
    for alternatives in _statements(text):
        actions += _first_known(alternatives)
    return actions


def _statements(text: str) -> list[list[Pipeline]]:
    """Cut into statements; each is a list of pipelines joined by `||`; a pipeline is a list of word lists."""
    statements: list[list[Pipeline]] = []
    alternatives: list[Pipeline] = []
    pipeline: Pipeline = []
    words: list[str] = []
    position = 0
    joined = False

    def end_pipeline() -> None:
        nonlocal pipeline, words
        if words:
            pipeline.append(words)
        if pipeline:
            alternatives.append(pipeline)
        words, pipeline = [], []

    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise CommandError(f"'{text[position : position + 20].splitlines()[0]}' in a command is not understood")
        position = match.end()
        kind, found = match.lastgroup, match.group()
        if kind == "word":
            words.append(_QUOTES.sub(lambda m: next(part for part in m.groups() if part is not None), found))
            joined = False
        elif kind == "redirect":
            if not found.startswith((">&", "2>&", "1>&")) and not re.fullmatch(r"&?[0-9]?>>?\s*/dev/null", found):
                words.append(found)  # `echo 3 > file`: a recogniser decides
        elif kind == "operator":
            if found == "|":
                pipeline.append(words)
                words = []
            elif found == "||":
                end_pipeline()
                joined = True
            elif not (found == "\n" and joined and not words):
                end_pipeline()
                if alternatives:
                    statements.append(alternatives)
                alternatives = []
    end_pipeline()
    if alternatives:
        statements.append(alternatives)
    return statements


def _first_known(alternatives: list[Pipeline]) -> list[Action]:
    """`A || B`: A succeeds here when we know it; B runs where A would have failed."""
    failure: CommandError | None = None
    for pipeline in alternatives:
        try:
            return _pipeline(pipeline)
        except CommandError as error:
            failure = failure or error
    assert failure is not None
    raise failure


def _pipeline(pipeline: Pipeline) -> list[Action]:
    words = pipeline[0]
    if not words:
        raise CommandError("a command that consists of nothing but '|'")
    rest = pipeline[1:]
    name = words[0]
    base = name.rsplit("/", 1)[-1]
    if base == "sockstat":
        return [_sockstat(words, rest)]
    if base == "nstat":
        return [_nstat(words, rest)]
    if base == "grep":
        return [_grep(words, rest)]
    if base == "echo":
        return _echo(words, rest)
    if rest and base not in {"sysctl", "true"}:
        raise CommandError(f"the pipeline '{' '.join(words)} | ...' is not known")
    if base in {"true", "sync", ":"}:
        return [Nothing()]
    if base == "sysctl":
        return _sysctl(words)
    if base == "set_sysctls.py":
        return [_set(word) for word in words[1:]]
    if base == "defaults.sh":
        return [
            MetricsFlush(),
            *(SysctlSet("linux", key, value) for key, value in sysctls.LINUX_TEST_DEFAULTS.items()),
            TcQdisc("add", "pfifo", -1),
        ]
    if base.startswith("sysctl_restore_") and base.endswith(".sh"):
        return [SysctlRestore()]
    return _others(base, words)


def _others(base: str, words: list[str]) -> list[Action]:
    if base == "tcpdrop" and len(words) == 3 and words[1] == "-s":
        return [TcpDrop(_state(words[2]))]
    if base in {"kldload", "kldstat"} and len(words) > 1:
        return [KernelModule(words[-1])]
    if base == "setkey" and words[1:] == ["-F"]:
        return [KeyFlush()]
    if base == "tc":
        return [_tc(words)]
    if base == "ethtool" and len(words) > 3 and words[1] in {"-K", "--offload", "--features"}:
        pairs = words[3:]
        if len(pairs) % 2 or any(value not in {"on", "off"} for value in pairs[1::2]):
            raise CommandError(f"'{' '.join(words)}': features come in pairs such as 'tso off'")
        return [EthtoolFeature(pairs[i], pairs[i + 1] == "on") for i in range(0, len(pairs), 2)]
    if base == "ip":
        return [_ip(words)]
    if base == "dd":
        return [_dd(words)]
    if base == "rm":
        return [TestFile(path, -1) for path in words[1:] if not path.startswith("-")]
    raise CommandError(
        f"the command '{' '.join(words)[:60]}' is not known",
        "commands are interpreted, never executed; see the documentation for the list",
    )


def _set(assignment: str) -> SysctlSet:
    name, equals, value = assignment.partition("=")
    if not equals:
        raise CommandError(f"'{assignment}' is not name=value")
    name = sysctls.normalise(name)
    system = sysctls.system_of(name)
    if system is None:
        raise CommandError(f"the sysctl variable '{name}' is not known", _similar(name))
    value = re.sub(r"\$\(\(([0-9*]+)\)\)", lambda m: str(_product(m.group(1))), value.strip())
    return SysctlSet(system, name, " ".join(value.split()))


def _product(text: str) -> int:
    """`15*1024*1024`."""
    result = 1
    for factor in text.split("*")[:8]:
        result *= int(factor[:20] or "1")
    return result


def _similar(name: str) -> str | None:
    """The known variable that differs least, when one is near."""
    best = ""
    tail = name.rsplit(".", 1)[-1]
    for known in [*sysctls.FREEBSD, *sysctls.LINUX]:
        other = known.rsplit(".", 1)[-1]
        if sorted(other) == sorted(tail) or (len(tail) > 4 and (other.startswith(tail[:-1]) or tail.startswith(other))):
            best = known
            break
    return f"did you mean {best}?" if best else None


def _sysctl(words: list[str]) -> list[Action]:
    actions: list[Action] = [_set(word) for word in words[1:] if not word.startswith("-")]
    if not actions:
        raise CommandError(f"'{' '.join(words)}' sets nothing")
    return actions


def _state(text: str) -> str:
    name = text.upper().replace("-", "_")
    if name not in _STATES:
        raise CommandError(f"'{text}' is not a TCP state")
    return name


def _sockstat(words: list[str], rest: Pipeline) -> Action:
    """`sockstat -4 -P tcp [-p 8080] -s | [grep NAME |] grep -c STATE | grep N`."""
    ip_version, port = 0, 0
    position = 1
    while position < len(words):
        word = words[position]
        if word in {"-4", "-6"}:
            ip_version = int(word[1])
        elif word in {"-P", "-p"} and position + 1 < len(words):
            position += 1
            if word == "-p":
                port = _int(words[position], 0xFFFF)
        elif word not in {"-s", "-n", "-q"}:
            raise CommandError(f"sockstat's option '{word}' is not known")
        position += 1
    state, wanted = "", ""
    for part in rest:
        if len(part) == 3 and part[:2] == ["grep", "-c"]:
            state = _state(part[2])
        elif len(part) == 2 and part[0] == "grep":
            if state:
                wanted = str(_int(part[1], 10**9))
        else:
            raise CommandError(f"'{' '.join(part)}' after sockstat is not known")
    if not state:
        raise CommandError("sockstat is known only with '| grep -c STATE'")
    return SockstatCount(ip_version, state, port, wanted)


def _nstat(words: list[str], rest: Pipeline) -> Action:
    names = [word for word in words[1:] if not word.startswith("-")]
    if not rest and not names:
        return CounterReset()
    if len(rest) == 1 and rest[0][0] == "grep" and len(rest[0]) > 1:
        return CounterChanged(rest[0][-1])
    if len(names) == 1 and not rest:
        return CounterChanged(names[0])
    raise CommandError(f"'{' '.join(words)}' is not known")


def _grep(words: list[str], rest: Pipeline) -> Action:
    """`grep " 0A " /proc/net/tcp /proc/net/tcp6 | grep ":1F90"`."""
    files = words[2:]
    if len(words) > 2 and all(name in {"/proc/net/tcp", "/proc/net/tcp6"} for name in files):
        port = 0
        for part in rest:
            if len(part) != 2 or part[0] != "grep" or not part[1].startswith(":"):
                raise CommandError(f"'{' '.join(part)}' after grep is not known")
            port = _hex(part[1][1:])
        return ProcNetTcpLine(_hex(words[1].strip()), port)
    raise CommandError(f"'{' '.join(words)[:60]}' is not known", "grep is known on /proc/net/tcp")


def _echo(words: list[str], rest: Pipeline) -> list[Action]:
    """`echo VALUE > /sys/module/...` and `echo '... add ... ;' | setkey -c`."""
    if len(rest) == 1 and rest[0] == ["setkey", "-c"]:
        return _setkey(" ".join(words[1:]))
    if not rest and len(words) == 3 and words[2].startswith(">"):
        path = words[2].lstrip("> \t")
        match = re.fullmatch(r"/sys/module/(\w+)/parameters/(\w+)", path)
        if match:
            return [ModuleParameter(match.group(1), match.group(2), words[1])]
        if path.startswith("/proc/sys/"):
            return [_set(f"{path}={words[1]}")]
    if not rest and not any(word.startswith(">") for word in words):
        return [Nothing()]
    raise CommandError(f"'{' '.join(words)[:60]}' is not known")


def _setkey(text: str) -> list[Action]:
    actions: list[Action] = []
    for statement in text.split(";"):
        words = statement.split()
        if not words:
            continue
        if words[0] == "flush":
            actions.append(KeyFlush())
            continue
        if len(words) != 8 or words[0] != "add" or words[3] != "tcp" or words[5:7] != ["-A", "tcp-md5"]:
            raise CommandError(f"setkey's '{statement.strip()}' is not known")
        actions.append(KeyAdd(words[1], words[2], _int(words[4], 0xFFFFFFFF), words[7].strip('"').encode()))
    return actions


def _tc(words: list[str]) -> Action:
    """`tc qdisc add|replace|delete dev tun0 root KIND [limit N]`."""
    if len(words) >= 6 and words[1] == "qdisc" and words[3] == "dev" and words[5] == "root":
        operation, tail = words[2], words[6:]
        if operation in {"del", "delete"} and not tail:
            return TcQdisc("delete", "", -1)
        if operation in {"add", "replace", "change"} and tail:
            limit = _int(tail[tail.index("limit") + 1], 10**9) if "limit" in tail[:-1] else -1
            return TcQdisc(operation, tail[0], limit)
    raise CommandError(f"'{' '.join(words)}' is not known", "known: tc qdisc add|replace|delete dev DEV root KIND")


_IP_KNOWN: Final = "known: ip route add|change|replace|del, ip link set DEV mtu N, ip tcp_metrics flush"


def _ip(words: list[str]) -> Action:
    """`ip [-6] route change DESTINATION ...`, `ip link set dev DEVICE mtu N`, `ip tcp_metrics flush`."""
    rest = [word for word in words[1:] if word not in {"-4", "-6"}]
    if rest[:2] == ["tcp_metrics", "flush"]:
        return MetricsFlush()
    if rest[:2] == ["link", "set"] and "mtu" in rest[:-1]:
        return LinkMtu(_int(rest[rest.index("mtu") + 1], 65535))
    if rest[:1] in (["route"], ["r"], ["ro"]) and len(rest) > 1:
        if rest[1] in {"show", "list", "get", "flush"}:
            return Nothing()
        if rest[1] in {"del", "delete"} and len(rest) > 2:
            return RouteChange(rest[2], None)
        if rest[1] in {"change", "replace", "add", "append", "prepend", "chg"} and len(rest) > 2:
            return RouteChange(rest[2], routes.read_metrics(rest[3:]))
    raise CommandError(f"'{' '.join(words)[:60]}' is not known", _IP_KNOWN)


def _dd(words: list[str]) -> Action:
    options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    if options.get("if") == "/dev/zero" and "of" in options:
        size = _int(options.get("bs", "512"), 10**6) * _int(options.get("count", "1"), 10**6)
        return TestFile(options["of"], min(size, 10**8))
    raise CommandError(f"'{' '.join(words)[:60]}' is not known", "known: dd if=/dev/zero of=FILE bs=N count=N")


def _int(text: str, largest: int) -> int:
    try:
        value = int(text[:24], 0)
    except ValueError:
        value = -1
    if not 0 <= value <= largest:
        raise CommandError(f"'{text[:40]}' is not a number between 0 and {largest}")
    return value


def _hex(text: str) -> int:
    try:
        return int(text[:16], 16)
    except ValueError:
        raise CommandError(f"'{text[:40]}' is not hexadecimal") from None
