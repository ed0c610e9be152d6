"""Routes of the system under test: the metrics of `ip route`, and which route leads to a peer."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from netsim.base.units import MS, SEC, US
from netsim.packetdrill.commanderror import CommandError
from netsim.tcp.profile.route import RouteMetrics

_NO_EFFECT: Final = frozenset(
    {
        "via",
        "dev",
        "src",
        "proto",
        "protocol",
        "scope",
        "table",
        "metric",
        "preference",
        "pref",
        "realm",
        "realms",
        "cwnd",
    }
)
"""Words with a value that change nothing for the connections by the route. Of these `cwnd` counts for a kernel only in
its cache of peers: a 6.18 goes above a locked one in the first connection."""
_ALONE: Final = frozenset({"onlink", "unicast", "inet", "inet6"})
_NUMBERS: Final = {
    "mtu": (0, 65535), "advmss": (0, 65535), "window": (0, 2**30), "initcwnd": (0, 2**16), "initrwnd": (0, 2**16),
    "hoplimit": (0, 255), "quickack": (0, 1), "fastopen_no_cookie": (0, 1),
}  # fmt: skip
_FIELDS: Final = {"fastopen_no_cookie": "fast_open_no_cookie"}
_UNITS: Final = (("ms", MS), ("us", US), ("s", SEC), ("", MS))


def read_metrics(words: list[str]) -> RouteMetrics:
    """What stands behind `ip route change DESTINATION`. Raises CommandError for what is not known."""
    metrics = RouteMetrics()
    position = 0
    while position < len(words):
        name = words[position]
        position += 1
        if name in _ALONE:
            continue
        locked = words[position : position + 1] == ["lock"]
        position += locked
        value = words[position] if position < len(words) else ""
        position += 1
        if not value:
            raise CommandError(f"'{name}' of ip route needs a value")
        if name == "via" and value in ("inet", "inet6"):
            position += 1
        elif name not in _NO_EFFECT:
            _set_metric(metrics, name, value, locked)
    return metrics


def _set_metric(metrics: RouteMetrics, name: str, value: str, locked: bool) -> None:
    if name in _NUMBERS:
        low, high = _NUMBERS[name]
        if not value.isdigit() or not low <= int(value[:12]) <= high:
            raise CommandError(f"'{name} {value}' of ip route: not a number between {low} and {high}")
        field = _FIELDS.get(name, name)
        present = getattr(metrics, field)
        setattr(metrics, field, bool(int(value)) if isinstance(present, bool) else int(value))
        if name == "mtu":
            metrics.mtu_locked = locked
    elif name == "rto_min":
        metrics.rto_min_ns = _time(value)
    elif name == "features" and value == "ecn":
        metrics.ecn = True
    elif name == "congctl":
        if value not in ("cubic", "reno"):
            raise CommandError(f"'congctl {value}' of ip route: netsim has cubic and reno")
        metrics.congctl = value
    else:
        raise CommandError(f"'{name} {value}' of ip route has no model in netsim")


def _time(text: str) -> int:
    for suffix, unit in _UNITS:
        digits = text.removesuffix(suffix) if suffix else text
        if text.endswith(suffix) and digits.isdigit() and len(digits) < 10:
            return int(digits) * unit
    raise CommandError(f"'{text}' is not a time such as 40ms")


class RouteTable:
    """Routes by destination; the longest prefix wins."""

    def __init__(self) -> None:
        self._routes: dict[IPv4Network | IPv6Network, RouteMetrics] = {}

    def change(self, destination: str, metrics: RouteMetrics | None, *, six: bool) -> None:
        """Enter a route, or take it out. Raises CommandError for a destination that is none."""
        text = destination
        if text == "default":
            text = "::/0" if six else "0.0.0.0/0"
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            raise CommandError(f"'{destination[:50]}' is not an address, a prefix or 'default'") from None
        if metrics is None:
            self._routes.pop(network, None)
        else:
            self._routes[network] = metrics

    def towards(self, address: str) -> RouteMetrics | None:
        """The metrics of the route to `address`; None: nothing special about it."""
        there = ip_address(address)
        found = [network for network in self._routes if network.version == there.version and there in network]
        if not found:
            return None
        return self._routes[max(found, key=lambda network: network.prefixlen)]
