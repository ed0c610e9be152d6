"""Builds the simulated world of a scenario: hosts with their stacks, routers, links, chance."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Final

from netsim.base.errors import UsageError
from netsim.drive.virtual import World
from netsim.host.settings import HostSettings
from netsim.sim.chance import Corruption, Duplication, Loss, Reordering
from netsim.sim.queue import DropTail
from netsim.tcp.profile import PROFILES

if TYPE_CHECKING:
    from netsim.base.events import Sink
    from netsim.host.host import Host
    from netsim.host.socket import TcpSocket
    from netsim.scenario.model import HostSpec, LinkSpec, Scenario
    from netsim.tcp.profile.base import Profile

PROFILE_FIELDS: Final = {
    "msl": "msl_ns",
    "rto_initial": "rto_initial_ns",
    "rto_min": "rto_min_ns",
    "rto_max": "rto_max_ns",
    "retries": "r2_retries",
    "give_up_after": "r2_ns",
    "syn_retries": "syn_r2_retries",
    "syn_give_up_after": "syn_r2_ns",
    "syn_ack_retries": "syn_ack_retries",
    "delayed_ack": "delayed_ack_ns",
    "ack_every": "ack_every_segs",
    "delay_fin_ack": "delay_fin_ack",
    "nagle": "nagle",
    "sack": "use_sack",
    "dsack": "use_dsack",
    "timestamps": "use_timestamps",
    "send_buffer": "snd_buffer",
    "receive_buffer": "rcv_buffer",
    "congestion_control": "congestion_control",
    "recovery": "recovery",
    "initial_window": "initial_window_segs",
    "limited_transmit": "limited_transmit",
    "tlp": "use_tlp",
    "prr": "prr",
    "frto": "use_frto",
    "undo": "use_undo",
    "pacing": "pacing",
    "slow_start_after_idle": "slow_start_after_idle",
    "persist_min": "persist_min_ns",
    "persist_max": "persist_max_ns",
    "keep_idle": "keep_idle_ns",
    "keep_interval": "keep_interval_ns",
    "keep_count": "keep_count",
    "user_timeout": "user_timeout_ns",
    "fin_wait_2": "fin_wait_2_ns",
    "challenge_ack_limit": "challenge_ack_limit",
    "insecure_rst": "insecure_rst",
    "insecure_syn": "insecure_syn",
    "time_wait_ignores_rst": "time_wait_ignores_rst",
    "time_wait_reuse": "time_wait_reuse",
    "ecn": "ecn",
    "pmtu_discovery": "pmtu_discovery",
    "mtu_probing": "mtu_probing",
    "mtu_probe_base": "mtu_probe_base_mss",
    "mtu_probe_interval": "mtu_probe_interval_ns",
}
"""Host options of the language -> fields of `Profile`."""

SOCKET_OPTIONS: Final = {"mss": "TCP_MAXSEG", "keep_alive": "SO_KEEPALIVE"}
"""Host options that every socket of the host gets."""

SETTINGS: Final = ("syn_backlog", "syn_cookies", "silent")
"""Host options that are settings of the host."""


def profile_of(spec: HostSpec) -> Profile:
    """The stack of a host: its profile, with the options that the scenario sets."""
    values: dict[str, Any] = {}
    for name, value in spec.options.items():
        if name in PROFILE_FIELDS:
            values[PROFILE_FIELDS[name]] = "" if name == "prr" and value == "off" else value
        elif name == "window_scale":
            values["use_window_scale"] = value is not False
            if not isinstance(value, bool):
                values["wscale"] = value
        elif name == "handshake":
            values["two_way_handshake"] = value == "two-way"
    return replace(PROFILES[spec.profile], **values)


def _settings_of(spec: HostSpec) -> HostSettings:
    settings = HostSettings()
    settings.first_port = spec.first_port
    settings.syn_backlog = spec.options.get("syn_backlog", 0)
    settings.syn_cookies = spec.options.get("syn_cookies", "off")
    settings.send_resets = not spec.options.get("silent", False)
    return settings


def build_world(scenario: Scenario, seed: int, sink: Sink) -> World:
    """Hosts, routers and links, ready to run."""
    world = World(seed, sink)
    for spec in scenario.hosts.values():
        host = world.add_host(
            spec.name, profile=profile_of(spec), addresses=[spec.address], settings=_settings_of(spec)
        )  # fmt: skip
        host.isn.preset.extend(spec.isn)
    for router in scenario.routers.values():
        world.add_router(router.name, [router.address])
    for link in scenario.links:
        _add_link(world, link)
    try:
        world.prepare()
    except ImportError as error:
        raise UsageError(f"routing needs networkx: {error}") from None
    for spec in scenario.hosts.values():
        host = world.host(spec.name)
        host.mtu = min(host.mtu, spec.mtu)
    return world


def _add_link(world: World, spec: LinkSpec) -> None:
    name = spec.name
    world.add_link(
        spec.a,
        spec.b,
        rate=spec.rate_bps,
        delay=spec.delay_ns,
        jitter=spec.jitter_ns,
        mtu=spec.mtu,
        queue=DropTail(spec.queue_packets, spec.queue_bytes),
        back_queue=DropTail(spec.queue_packets, spec.queue_bytes),
        allow_reordering=spec.jitter_ns > 0,
        name=name,
        cost=spec.delay_ns + 1,
    )
    for end in (spec.a, spec.b):
        rng = world.sim.rng
        if spec.loss:
            world.network.add_impairer(name, Loss(rng(f"loss {name} {end}"), spec.loss), end)
        if spec.corrupt:
            world.network.add_impairer(name, Corruption(rng(f"corrupt {name} {end}"), spec.corrupt), end)
        if spec.duplicate:
            world.network.add_impairer(name, Duplication(rng(f"duplicate {name} {end}"), spec.duplicate), end)
        if spec.reorder:
            reordering = Reordering(rng(f"reorder {name} {end}"), spec.reorder, spec.reorder_by_ns)
            world.network.add_impairer(name, reordering, end)


def new_socket(world: World, host: Host, spec: HostSpec) -> TcpSocket:
    """A TCP socket of the host with the options that the scenario wants for all of them."""
    socket = host.tcp_socket()
    for name, option in SOCKET_OPTIONS.items():
        if name in spec.options:
            socket.set_option(world.now_ns, option, int(spec.options[name]))
    return socket


def unmapped_options(names: list[str]) -> list[str]:
    """Options of the schema that nothing here knows, and fields that no profile has (a test keeps both empty)."""
    known = {*PROFILE_FIELDS, *SOCKET_OPTIONS, *SETTINGS, "window_scale", "handshake"}
    there = {field.name for field in fields(PROFILES["rfc"])}
    return [name for name in names if name not in known] + [
        name for name, target in PROFILE_FIELDS.items() if target not in there
    ]
