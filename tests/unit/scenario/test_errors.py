"""Every kind of malformed scenario gives one clear message with its place."""

# ruff: noqa: E501
from __future__ import annotations

import pytest

from netsim.base.errors import NetsimError, ScenarioError, UsageError
from netsim.scenario.loader import load, load_text

TWO = "hosts:\n  client: {}\n  server: {}\n"


def step(text: str) -> str:
    return f"{TWO}script:\n  - {text}\n"


def steps(*texts: str) -> str:
    return TWO + "script:\n" + "".join(f"  - {text}\n" for text in texts)


def link(text: str) -> str:
    return f"{TWO}links:\n  - {text}\n"


def expect(text: str) -> str:
    return f"{TWO}expect:\n  - {text}\n"


def fault(text: str) -> str:
    return f"{TWO}faults:\n  - {text}\n"


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)

# (what it is, the file, a part of the message, line, column; 0: not given)
CASES: list[tuple[str, str, str, int, int]] = [
    ("empty file", "", "the file is empty", 0, 0),
    ("only a comment", "# nothing\n", "the file is empty", 0, 0),
    ("a list", "- 1\n- 2\n", "the file holds a list", 1, 1),
    ("a single value", "hello\n", "the file holds a single value", 1, 1),
    ("not YAML: open bracket", "hosts: {a: {\n", "not valid YAML", 2, 1),
    ("not YAML: bad nesting", "hosts:\n  a: b: c\n", "not valid YAML: mapping values are not allowed", 2, 7),
    ("two documents", f"{TWO}---\n{TWO}", "not valid YAML", 4, 1),
    ("tab as indentation", "hosts:\n\tclient: {}\n", "a tab cannot indent", 2, 1),
    ("undefined alias", "hosts: *nope\n", "not valid YAML", 1, 8),
    ("alias cycle", "hosts: &a\n  client: *a\n", "an alias that contains itself", 0, 0),
    ("alias bomb", BOMB, "too large", 0, 0),
    ("nested too deeply", "hosts: " + "[" * 120 + "]" * 120, "nested too deeply", 1, 0),
    ("python object tag", "hosts: !!python/object:os.system {}\n", "the file breaks", 0, 0),
    ("custom tag", f"{TWO}title: !secret x\n", "the tag !secret is not supported", 4, 8),
    ("merge key", "hosts:\n  client: &a {}\n  server:\n    <<: *a\n", "merge keys", 4, 5),
    ("duplicate key", "hosts:\n  client: {}\n  client: {}\n", "'client' stands here twice", 3, 3),
    ("control character", "hosts:\n  client: {}\x07\n", "control character 0x07", 2, 0),
    ("no hosts", "title: x\n", "the scenario has no 'hosts'", 1, 1),
    ("hosts empty", "hosts: {}\n", "'hosts' is empty", 1, 8),
    ("hosts a list", "hosts: [client, server]\n", "'hosts' must be a mapping, not a list", 1, 8),
    ("bad host name", "hosts:\n  9lives: {}\n", "'9lives' cannot be a name here", 2, 3),
    ("unknown top-level key", f"{TWO}scrpt: []\n", "unknown key 'scrpt'", 4, 1),
    ("unknown host option", "hosts:\n  client: {nagel: true}\n", "unknown key 'nagel'", 2, 12),
    ("wrong type of an option", "hosts:\n  client: {nagle: 5s}\n", "neither true nor false", 2, 19),
    ("unknown profile", "hosts:\n  client: {profile: solaris}\n", "'profile' cannot be 'solaris'", 2, 21),
    ("bad address", "hosts:\n  client: {address: 10.0.0.300}\n", "'10.0.0.300' is not an IP address", 2, 21),
    ("multicast address", "hosts:\n  client: {address: 224.0.0.1}\n", "cannot be the address", 2, 21),
    ("same address twice", "hosts:\n  a: {address: 1.2.3.4}\n  b: {address: 1.2.3.4}\n", "is the address of 'a'", 3, 16),
    ("router named like a host", f"{TWO}routers:\n  client: {{}}\n", "'client' is a host already", 5, 3),
    ("bad mtu", "hosts:\n  client: {mtu: 10}\n", "an MTU of 10 is impossible", 2, 17),
    ("isn too large", "hosts:\n  client: {isn: 4294967296}\n", "too large", 2, 17),
    ("isn negative", "hosts:\n  client: {isn: -1}\n", "too small", 2, 17),
    ("bad ip version", f"{TWO}ip: 5\n", "'ip' cannot be '5'", 4, 5),
    ("bad scenario name", f"{TWO}name: My Scenario\n", "'name' cannot be 'My Scenario'", 4, 7),
    ("unknown host in a link", link("{between: [client, sever], delay: 50ms}"), "unknown host 'sever'", 5, 24),
    ("link with three ends", link("{between: [client, server, client]}"), "too many items", 5, 15),
    ("link with one end", link("{between: [client]}"), "too few items", 5, 15),
    ("link to itself", link("{between: [client, client]}"), "cannot join client to itself", 5, 15),
    ("two links between two ends", TWO + "links:\n" + "  - {between: [client, server]}\n" * 2, "joined already", 6, 15),
    ("link name twice", TWO + "  third: {}\nlinks:\n  - {between: [client, server], name: x}\n"
     "  - {between: [server, third], name: x}\n", "the name 'x' is taken", 7, 38),
    ("negative delay", link("{between: [client, server], delay: -5ms}"), "negative", 5, 40),
    ("delay without a unit", link("{between: [client, server], delay: 50}"), "has no unit", 5, 40),
    ("delay with a wrong unit", link("{between: [client, server], delay: 50kg}"), "'kg' is not a unit", 5, 40),
    ("delay of a million years", link("{between: [client, server], delay: 9e14h}"), "", 5, 40),
    ("delay too long", link("{between: [client, server], delay: 99999999h}"), "too long", 5, 40),
    ("rate 0", link("{between: [client, server], rate: 0}"), "0 is too small", 5, 39),
    ("rate that is a time", link("{between: [client, server], rate: 5s}"), "is a duration, not a rate", 5, 39),
    ("loss over 1", link("{between: [client, server], loss: 120%}"), "is not a probability", 5, 39),
    ("queue of 0 packets", link("{between: [client, server], queue: 0}"), "too small", 5, 40),
    ("huge number", link("{between: [client, server], queue: 1" + "0" * 40 + "}"), "too large", 5, 40),
    ("infinity", link("{between: [client, server], loss: .inf}"), "is not a number", 5, 39),
    ("between a word", link("{between: client}"), "must be a list", 5, 15),
    ("step without an action", step("{at: 1s, host: client}"), "the step does nothing", 5, 5),
    ("step with two actions", step("{at: 1s, host: client, close: , abort: }"), "a step does one thing", 5, 37),
    ("step with an unknown key", step("{at: 1s, host: client, sned: 10}"), "unknown key 'sned'", 5, 28),
    ("step without a host", step("{at: 1s, send: 10}"), "who does it?", 5, 5),
    ("step of an unknown host", step("{at: 1s, host: clinet, send: 10}"), "unknown host 'clinet'", 5, 20),
    ("negative time", step("{at: -1s, host: client, send: 10}"), "negative", 5, 10),
    ("time that is a word", step("{at: soon, host: client, send: 10}"), "'soon' is neither", 5, 10),
    ("at and after", step("{at: 1s, after: 1s, host: client, send: 10}"), "exclude each other", 5, 6),
    ("after without a step before", step("{after: 1s, host: client, send: 10}"), "no step before", 5, 6),
    ("connect without a port", step("{at: 0s, host: client, connect: server}"), "names no port", 5, 37),
    ("connect to port 70000", step("{at: 0s, host: client, connect: 'server:70000'}"), "is not a port", 5, 37),
    ("connect to an unknown host", step("{at: 0s, host: client, connect: 'sever:80'}"), "unknown host 'sever'", 5, 37),
    ("connect to itself", step("{at: 0s, host: client, connect: 'client:80'}"), "cannot reach itself", 5, 37),
    ("listen on port 0", step("{at: 0s, host: server, listen: 0}"), "is not a port", 5, 36),
    ("send nothing", step("{at: 0s, host: client, send: 0}"), "too small", 5, 34),
    ("send a list", step("{at: 0s, host: client, send: [1]}"), "must be", 5, 34),
    ("send text and bytes", step("{at: 0s, host: client, send: {text: a, bytes: 1}}"), "either 'bytes' or 'text'", 5, 34),
    ("unknown event", step("{on: server.recieved-fin, host: server, close: }"), "unknown event 'recieved-fin'", 5, 10),
    ("event of an unknown host", step("{on: srv.received-fin, host: server, close: }"), "unknown host 'srv'", 5, 10),
    ("event without a host", step("{on: received-fin, host: server, close: }"), "is no moment", 5, 10),
    ("moment with two kinds", step("{on: {time: 1s, step: x}, host: server, close: }"), "one thing to wait for", 5, 10),
    ("unknown step", step("{on: {step: x}, host: server, close: }"), "unknown step 'x'", 5, 17),
    ("step waits for itself", step("{id: x, on: {step: x}, host: server, close: }"), "waits for itself", 5, 17),
    ("steps wait in a circle", steps("{id: a, on: {step: b}, host: server, close: }",
                                     "{id: b, on: {step: a}, host: server, close: }"), "in a circle", 5, 5),
    ("two steps with one id", steps("{id: a, at: 0s, host: server, close: }",
                                    "{id: a, at: 0s, host: server, close: }"), "two steps are called 'a'", 6, 10),
    ("no path", "hosts: {a: , b: , c: }\nlinks:\n  - {between: [a, b]}\nscript:\n"
     "  - {at: 0s, host: a, connect: 'c:80'}\n", "no path leads from a to c", 5, 32),
    ("hosts do not forward", "hosts: {a: , b: , c: }\nlinks:\n  - {between: [a, b]}\n  - {between: [b, c]}\nscript:\n"
     "  - {at: 0s, host: a, connect: 'c:80'}\n", "no path leads from a to c", 6, 32),
    ("unknown control bit", expect("{none: {flags: RTS}}"), "unknown control bit 'RTS'", 5, 20),
    ("contradicting bits", expect("{none: {flags: 'SYN,!SYN'}}"), "both set and not set", 5, 20),
    ("unknown state", expect("{host: client, state: WAITING}"), "'state' cannot be 'WAITING'", 5, 27),
    ("unknown state in states", expect("{host: client, states: [..., TIMEWAIT]}"), "cannot be 'TIMEWAIT'", 5, 34),
    ("expectation of nothing", expect("{host: client}"), "the expectation expects nothing", 5, 5),
    ("two expectations in one", expect("{host: client, state: CLOSED, none: {}}"), "one expectation at a time", 5, 35),
    ("states of nobody", expect("{states: [CLOSED]}"), "'states' needs a host", 5, 5),
    ("a wrong unit beside an unknown name", expect("{host: client, state: TIME-WAIT, lasts: mls*2x}"), "'x' is not a unit", 5, 45),
    ("unknown parameter", expect("{host: client, state: TIME-WAIT, lasts: 2*mls}"), "neither a number nor a parameter", 5, 45),
    ("counter without a number", expect("{host: client, counter: retransmissions}"), "needs a number", 5, 5),
    ("count and at_least", expect("{segments: {}, count: 1, at_least: 1}"), "'count' is exact", 5, 20),
    ("impossible bounds", expect("{segments: {}, at_most: 1, at_least: 3}"), "cannot both be", 5, 42),
    ("wire with a bad item", expect("{wire: [{from: client, nope: 1}]}"), "unknown key 'nope'", 5, 28),
    ("wire with a bad type", expect("{wire: [{from: 5}]}"), "'from' must be a text", 5, 20),
    ("parameter circle", f"parameters: {{a: 2*b, b: 3*a}}\n{TWO}", "refer to each other in a circle", 1, 0),
    ("parameter of itself", f"parameters: {{a: 2*a}}\n{TWO}", "in a circle: a -> a", 1, 17),
    ("parameter name", f"parameters: {{my-msl: 2s}}\n{TWO}", "'my-msl' cannot be a name here", 1, 14),
    ("parameter: division by zero", f"parameters: {{a: 1/0}}\n{TWO}", "divides by zero", 1, 17),
    ("parameter: mixed units", f"parameters: {{a: 1s + 5kB}}\n{TWO}", "adds a duration and a size", 1, 17),
    ("parameter: two units multiplied", f"parameters: {{a: 1s*5s}}\n{TWO}", "multiplies two quantities", 1, 17),
    ("parameter: a call", f"parameters: {{a: exit(1)}}\n{TWO}", "neither a number nor a parameter", 1, 17),
    ("parameter: power", f"parameters: {{a: 9**9}}\n{TWO}", "not expected", 1, 17),
    ("parameter: huge product", f"parameters: {{a: 999999999999*999999999999*999999999999}}\n{TWO}", "too large", 1, 17),
    ("parameter: long expression", f"parameters: {{a: {'1+' * 150}1}}\n{TWO}", "longer than", 1, 17),
    ("fault without what", fault("{name: x}"), "exactly one of drop", 5, 5),
    ("fault of two kinds", fault("{drop: {}, corrupt: {}}"), "exactly one of drop", 5, 5),
    ("delay without by", fault("{delay: {from: client}}"), "by how much?", 5, 5),
    ("edit without set", fault("{edit: {from: client}}"), "'edit' and 'set' go together", 5, 5),
    ("drop with by", fault("{drop: {}, by: 1s}"), "'by' has no meaning with 'drop'", 5, 16),
    ("nth 0", fault("{drop: {nth: 0}}"), "too small", 5, 18),
    ("fault on an unknown link", fault("{drop: {link: lan}}"), "unknown link 'lan'", 5, 19),
    ("intervention nowhere", f"{TWO}interventions:\n  - {{drop: }}\n", "needs 'packet' or 'step'", 5, 5),
    ("intervention without what", f"{TWO}interventions:\n  - {{packet: 3}}\n", "exactly one of drop", 5, 5),
    ("inject to the sender", step("{at: 0s, inject: {from: client, to: client, flags: SYN}}"), "comes from the host", 5, 41),
    ("inject without flags", step("{at: 0s, inject: {from: client, to: server}}"), "has no 'flags'", 5, 22),
    ("link step without a change", step("{at: 0s, link: {name: client-server}}"), "nothing changes", 5, 20),
    ("as with send", step("{at: 0s, host: client, send: 5, as: x}"), "'as' has no meaning with 'send'", 5, 37),
    ("unknown connection", step("{at: 0s, host: client, send: 5, connection: x}"), "unknown connection 'x'", 5, 49),
    ("datagram too large", step("{at: 0s, host: client, datagram: {to: 'server:5', bytes: 70000}}"), "too large", 5, 62),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message", "line", "column"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_one_clear_message_with_its_place(text: str, message: str, line: int, column: int) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(text.encode(), "mine.yaml")
    error = caught.value
    if message != "the file breaks":
        assert message in error.message
    assert error.file == "mine.yaml"
    if line:
        assert error.line == line
    if column:
        assert error.column == column
    assert error.exit_code == 2
    assert "\n" not in error.message
    assert "Traceback" not in str(error)


def test_there_are_at_least_forty_kinds() -> None:
    assert len({case[0] for case in CASES}) >= 40


@pytest.mark.parametrize("raw", [b"\x00\x01\x02", b"\xff\xfeh\x00", b"\x89PNG\r\n\x1a\n", bytes(range(256)), b"\xc3("])
def test_binary_files_are_refused(raw: bytes) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(raw, "x.yaml")
    assert "text file" in caught.value.message or "UTF-16" in caught.value.message


def test_a_file_of_more_than_four_megabytes_is_refused() -> None:
    with pytest.raises(ScenarioError, match="bytes"):
        load_text(b"#" * 4_000_001, "x.yaml")


def test_the_message_looks_as_promised() -> None:
    text = "name: mine\nhosts:\n  client: {}\n  server: {}\n\nlinks:\n  - {between: [client, sever], delay: 50ms}\n"
    with pytest.raises(ScenarioError) as caught:
        load_text(text.encode(), "mine.yaml")
    assert str(caught.value) == (
        "mine.yaml:7:24: unknown host 'sever'\n"
        "  7 |   - {between: [client, sever], delay: 50ms}\n"
        "    |                        ^^^^^ hosts are: client, server. Did you mean 'server'?"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("nosuch", "1"), ("msl", "2kg"), ("msl", "-1s"), ("congestion_control", "vegas"), ("nagle", "maybe"), ("a", "b"),
     ("a", "a")],
)  # fmt: skip
def test_bad_overrides_are_usage_errors(name: str, value: str) -> None:
    with pytest.raises(NetsimError) as caught:
        load_text(f"parameters: {{a: 1s, b: 2*a}}\n{TWO}".encode(), "x.yaml", {name: value})
    assert isinstance(caught.value, UsageError)
    assert f"--set {name}={value}" in str(caught.value)


def test_unknown_scenario_names_a_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'last-ack-lost'"):
        load("last-ack-losst")


def test_missing_file_and_folder(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="no such file"):
        load(str(tmp_path / "none.yaml"))
    with pytest.raises(ScenarioError, match="folder"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("hosts:\n  client: {read: 1000 bytes}\n", "one of: auto, none, {drip: SIZE, every: TIME}."),
        (link("{between: [client, server], delay: 2*msl}"), "declare it with  parameters: {msl: ...}"),
        (f"parameters: {{mls: 1s}}\n{link('{between: [client, server], delay: 2*msl}')}", "Did you mean 'mls'?"),
    ],
)
def test_hints_that_help(text: str, hint: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(text.encode(), "x.yaml")
    assert hint in str(caught.value)
