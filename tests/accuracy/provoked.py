"""What the built-in scenarios provoke: the findings and capture faults that checking them must give, and why.

Everything else that the checker reports about them is a false alarm, and everything here that it does not
report is a miss.
"""

from __future__ import annotations

from typing import Final

FINDINGS: Final[dict[tuple[str, str], dict[tuple[str, str], str]]] = {
    ("blind-data-injection", "server"): {
        ("SEQ003", "client"): "the attacker writes over bytes that the client sends later",
    },
    ("blind-reset-attack", "server"): {
        ("RST006", "client"): "the attacker guesses numbers inside the window",
    },
    ("blind-reset-attack", "old"): {
        ("RST006", "client"): "the attacker guesses numbers inside the window",
    },
    ("blind-syn-attack", "server"): {
        ("HSK009", "client"): "the attacker sends a SYN in the client's name, and the client goes on",
    },
    ("paws", "server"): {
        ("OPT020", "client"): "an old duplicate comes with a timestamp from before",
    },
    ("rfc9293-figure-8", "A"): {
        ("HSK001", "server"): "B answers an old SYN of A, which acknowledges what A has not sent",
    },
    ("sack-recovery", "client"): {
        ("CWN001", "client"): "the scenario asks for an initial window of twelve segments",
    },
    ("syn-flood", "server"): {("HSK005", ""): "twenty forged SYNs with one ISN"},
    ("syn-flood", "guarded"): {("HSK005", ""): "twenty forged SYNs with one ISN"},
    ("time-wait-too-short", "client"): {
        ("CLS003", "client"): "the client has left TIME-WAIT after 100 ms and resets what it should acknowledge",
    },
}
"""(scenario, tap) to (rule, side) to the reason."""

QUALITY: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("blind-data-injection", "server"): {"CAP001": "the forged ACKs acknowledge what nobody sent"},
    ("paws", "plain"): {"CAP001": "what was injected in its name does not leave it, and is acknowledged to it"},
    ("time-wait-too-short", "client"): {
        "CAP001": "data of the old connection reach the new one, which is told of bytes it never sent",
    },
    ("corruption", "server"): {"CAP011": "the network flips bits"},
    ("duplication", "server"): {"CAP002": "the network doubles a segment"},
    ("reliable-ordered-delivery", "server"): {
        "CAP002": "the network doubles a segment",
        "CAP011": "the network flips bits",
    },
}
"""(scenario, tap) to the code to the reason."""

BEYOND: Final[dict[tuple[str, str], dict[int, str]]] = {
    ("blind-reset-attack", "old"): {4: "this host takes a RST that RFC 5961 forbids to take"},
    ("rfc9293-figure-9", "A"): {
        4: "A's new SYN meets B's old connection: two connections on one pair of sockets, told apart only later",
        6: "this RST ends the old one, while A is in SYN-SENT with the new one",
    },
    ("rfc9293-figure-9", "B"): {
        4: "A's new SYN meets B's old connection: two connections on one pair of sockets, told apart only later",
        6: "this RST ends the old one, while A is in SYN-SENT with the new one",
    },
    ("two-way-handshake-fails", "trusting"): {
        2: "this host is ESTABLISHED after two segments, which no TCP is",
        3: "this host is ESTABLISHED after two segments, which no TCP is",
        4: "and takes no RST seriously",
    },
}
"""(scenario, tap) to the frames after which the truth about the states is beyond any tap, and why."""
