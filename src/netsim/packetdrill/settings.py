"""What sysctl variables change: the profile of the stack under test, and the host around it.

One table per system: variable -> function from its value to fields of `Profile`. A variable that
the systems have and netsim does not model may only be set to its default; anything else raises
`Unsupported`, so that a script never passes because a setting was quietly ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from netsim.base.units import MS, SEC, US
from netsim.packetdrill import sysctls
from netsim.tcp.profile.base import Profile
from netsim.tcp.profile.freebsd import ICMP_REFUSALS, NO_ICMP_REFUSALS

Fields = dict[str, Any]


class Unsupported(Exception):
    """The script asks for something that netsim does not model."""


def _number(value: str) -> int:
    try:
        return int(value.split()[0][:24], 0)
    except (ValueError, IndexError):
        raise Unsupported(f"'{value}' is not a number") from None


def _flag(field: str) -> Callable[[str], Fields]:
    def set_flag(value: str) -> Fields:
        return {field: _number(value) != 0}

    return set_flag


def _count(field: str) -> Callable[[str], Fields]:
    def set_count(value: str) -> Fields:
        return {field: _number(value)}

    return set_count


def _time(field: str, unit: int) -> Callable[[str], Fields]:
    def set_time(value: str) -> Fields:
        return {field: _number(value) * unit}

    return set_time


def _rfc1323(value: str) -> Fields:
    number = _number(value)
    return {"use_timestamps": number in (1, 3), "use_window_scale": number in (1, 2)}


def _ecn(value: str) -> Fields:
    return {"ecn": {0: "off", 1: "active", 2: "passive"}.get(_number(value), "off")}


def _third(field: str) -> Callable[[str], Fields]:
    def set_third(value: str) -> Fields:
        parts = value.split()
        return {field: _number(parts[min(2, len(parts) - 1)])}

    return set_third


def _rmem(value: str) -> Fields:
    """tcp_rmem "min default max": the window scale is chosen for max (tcp_select_initial_window)."""
    parts = value.split()
    if len(parts) != 3:
        raise Unsupported("tcp_rmem needs three numbers")
    return {"rcv_buffer": _number(parts[1]), "wscale_from_bytes": _number(parts[2])}


def _wmem(value: str) -> Fields:
    """tcp_wmem "min default max": the buffer starts with the default, and grows to max."""
    parts = value.split()
    if len(parts) != 3:
        raise Unsupported("tcp_wmem needs three numbers")
    return {"snd_buffer": _number(parts[1]), "snd_buffer_max": _number(parts[2])}


def _notsent_lowat(value: str) -> Fields:
    number = _number(value)
    return {"notsent_lowat": 0 if number >= 2**31 else number}


def _rack(value: str) -> Fields:
    return {"recovery": "rack" if _number(value) & 1 else "sack"}


def _linux_tlp(value: str) -> Fields:
    return {"use_tlp": _number(value) in (3, 4)}


def _linux_fastopen(value: str) -> Fields:
    number = _number(value)
    return {"tfo_client": bool(number & 1), "tfo_server": bool(number & 2)}


def _challenge_limit(value: str) -> Fields:
    number = _number(value)
    return {"challenge_ack_limit": 0 if number >= 2**31 - 1 else max(number, 1)}


def _ack_war_window(value: str) -> Fields:
    number = _number(value)
    return {"challenge_ack_window_ns": number * MS} if number else {"challenge_ack_limit": 0}


def _mtu_probing(value: str) -> Fields:
    number = _number(value)
    if number not in (0, 1, 2):
        raise Unsupported(f"tcp_mtu_probing is 0, 1 or 2, not {value}")
    return {"mtu_probing": ("off", "black-hole", "always")[number]}


def _congestion(value: str) -> Fields:
    known = {"cubic": "cubic", "reno": "reno", "newreno": "reno"}
    if value not in known:
        raise Unsupported(f"congestion control '{value}' is not supported here")
    return {"congestion_control": known[value]}


_FREEBSD: Final[dict[str, Callable[[str], Fields]]] = {
    "kern.ipc.maxsockbuf": _count("wscale_from_bytes"),
    "net.inet.tcp.recvspace": _count("rcv_buffer"),
    "net.inet.tcp.sendspace": _count("snd_buffer"),
    "net.inet.tcp.rfc1323": _rfc1323,
    "net.inet.tcp.sack.enable": _flag("use_sack"),
    "net.inet.tcp.ecn.enable": _ecn,
    "net.inet.tcp.ecn.maxretries": _count("ecn_syn_retries"),
    "net.inet.tcp.insecure_rst": _flag("insecure_rst"),
    "net.inet.tcp.insecure_syn": _flag("insecure_syn"),
    "net.inet.tcp.drop_synfin": _flag("drop_syn_fin"),
    "net.inet.tcp.rexmit_initial": _time("rto_initial_ns", MS),
    "net.inet.tcp.rexmit_min": _time("rto_min_ns", MS),
    "net.inet.tcp.rexmit_slop": _time("rto_slop_ns", MS),
    "net.inet.tcp.rexmit_drop_options": lambda value: {"syn_rtx_drops_options_after": 3 if _number(value) else 0},
    "net.inet.tcp.delacktime": _time("delayed_ack_ns", MS),
    "net.inet.tcp.always_keepalive": _flag("keep_alive_always"),
    "net.inet.tcp.keepinit": _time("keep_init_ns", MS),
    "net.inet.tcp.keepidle": _time("keep_idle_ns", MS),
    "net.inet.tcp.keepintvl": _time("keep_interval_ns", MS),
    "net.inet.tcp.keepcnt": _count("keep_count"),
    "net.inet.tcp.msl": _time("msl_ns", MS),
    "net.inet.tcp.finwait2_timeout": _time("fin_wait_2_ns", MS),
    "net.inet.tcp.initcwnd_segments": _count("initial_window_segs"),
    "net.inet.tcp.mssdflt": _count("default_mss_v4"),
    "net.inet.tcp.v6mssdflt": _count("default_mss_v6"),
    "net.inet.tcp.minmss": _count("min_mss"),
    "net.inet.tcp.path_mtu_discovery": _flag("pmtu_discovery"),
    "net.inet.tcp.fastopen.client_enable": _flag("tfo_client"),
    "net.inet.tcp.tolerate_missing_ts": lambda value: {"require_timestamps": not _number(value)},
    "net.inet.tcp.icmp_may_rst": lambda value: {"icmp_refusals": ICMP_REFUSALS if _number(value) else NO_ICMP_REFUSALS},
    "net.inet.tcp.rfc3042": _flag("limited_transmit"),
    "net.inet.tcp.cc.algorithm": _congestion,
    "net.inet.tcp.abc_l_var": _count("slow_start_limit"),
    "net.inet.tcp.ack_war_cnt": _count("challenge_ack_limit"),
    "net.inet.tcp.ack_war_timewindow": _ack_war_window,
    "net.inet.tcp.do_prr": lambda value: {"prr": "rfc6937" if _number(value) else ""},
}

_LINUX: Final[dict[str, Callable[[str], Fields]]] = {
    "net.ipv4.tcp_timestamps": _flag("use_timestamps"),
    "net.ipv4.tcp_window_scaling": _flag("use_window_scale"),
    "net.ipv4.tcp_sack": _flag("use_sack"),
    "net.ipv4.tcp_dsack": _flag("use_dsack"),
    "net.ipv4.tcp_ecn": _ecn,
    "net.core.rmem_max": _count("rcv_buffer_max"),
    "net.ipv4.tcp_rmem": _rmem,
    "net.ipv4.tcp_wmem": _wmem,
    "net.ipv4.tcp_notsent_lowat": _notsent_lowat,
    "net.ipv4.tcp_syn_retries": _count("syn_r2_retries"),
    "net.ipv4.tcp_syn_linear_timeouts": _count("syn_linear_timeouts"),
    "net.ipv4.tcp_synack_retries": _count("syn_ack_retries"),
    "net.ipv4.tcp_retries1": _count("r1_retries"),
    "net.ipv4.tcp_retries2": _count("r2_retries"),
    "net.ipv4.tcp_rto_min_us": _time("rto_min_ns", US),
    "net.ipv4.tcp_rto_max_ms": _time("rto_max_ns", MS),
    "net.ipv4.tcp_retrans_collapse": lambda value: {"repacks": "whole" if _number(value) else ""},
    "net.ipv4.ip_no_pmtu_disc": lambda value: {"pmtu_discovery": not _number(value)},
    "net.ipv4.route.min_pmtu": _count("min_path_mtu"),
    "net.ipv4.tcp_min_snd_mss": _count("min_mss"),
    "net.ipv4.tcp_mtu_probing": _mtu_probing,
    "net.ipv4.tcp_base_mss": _count("mtu_probe_base_mss"),
    "net.ipv4.tcp_mtu_probe_floor": _count("mtu_probe_floor"),
    "net.ipv4.tcp_probe_threshold": _count("mtu_probe_threshold"),
    "net.ipv4.tcp_probe_interval": _time("mtu_probe_interval_ns", SEC),
    "net.ipv4.tcp_frto": _flag("use_frto"),
    "net.ipv4.tcp_reordering": _count("dup_threshold"),
    "net.ipv4.tcp_congestion_control": _congestion,
    "net.ipv4.tcp_slow_start_after_idle": _flag("slow_start_after_idle"),
    "net.ipv4.tcp_early_retrans": _linux_tlp,
    "net.ipv4.tcp_recovery": _rack,
    "net.ipv4.tcp_tso_win_divisor": _count("tso_win_divisor"),
    "net.ipv4.tcp_min_tso_segs": _count("tso_min_segs"),
    "net.ipv4.tcp_fastopen": _linux_fastopen,
    "net.ipv4.tcp_max_reordering": _count("max_reordering"),
    "net.ipv4.tcp_invalid_ratelimit": _time("invalid_ack_interval_ns", MS),
    "net.ipv4.tcp_challenge_ack_limit": _challenge_limit,
    "net.ipv4.tcp_pacing_ss_ratio": _count("pacing_ss_ratio"),
    "net.ipv4.tcp_pacing_ca_ratio": _count("pacing_ca_ratio"),
    "net.ipv4.tcp_keepalive_time": _time("keep_idle_ns", SEC),
    "net.ipv4.tcp_keepalive_intvl": _time("keep_interval_ns", SEC),
    "net.ipv4.tcp_keepalive_probes": _count("keep_count"),
    "net.ipv4.tcp_fin_timeout": _time("fin_wait_2_ns", SEC),
    "net.ipv4.tcp_rfc1337": _flag("time_wait_ignores_rst"),
}

_HOST_LEVEL: Final = frozenset(
    {
        "net.core.wmem_max", "net.inet.tcp.blackhole", "net.inet.tcp.syncookies", "net.inet.tcp.syncookies_only",
        "net.inet.tcp.hostcache.purgenow", "net.inet.tcp.hostcache.purge", "net.inet.tcp.udp_tunneling_port",
        "net.inet.tcp.udp_tunneling_overhead",
        "net.inet.tcp.pmtud_blackhole_detection", "net.inet.tcp.pmtud_blackhole_mss",
        "net.inet.tcp.v6pmtud_blackhole_mss", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_fastopen_key",
        "net.ipv4.tcp_fastopen_blackhole_timeout_sec", "net.ipv4.tcp_ecn_option", "net.ipv4.tcp_no_metrics_save",
    }
)  # fmt: skip
"""Variables that the runner itself, or the host, acts on: it reads them from `values`."""


class SystemSettings:
    """The sysctl variables of the system under test, and the profile that follows from them.

    values: every variable that was set, by name
    fixed: fields of the profile that no variable changes
    """

    def __init__(self, base: Profile, system: str, fixed: Fields | None = None) -> None:
        self.fixed = dict(fixed or {})
        self.base = base
        self.system = system
        self.values: dict[str, str] = {}
        self._fields: Fields = {}

    def get(self, name: str) -> str:
        """The value of a variable: as set, or the system's default."""
        found = self.values.get(name)
        if found is None:
            found = (sysctls.FREEBSD if name in sysctls.FREEBSD else sysctls.LINUX)[name]
        return found

    def number(self, name: str) -> int:
        """The same as a number."""
        return _number(self.get(name))

    def fast_open_keys(self) -> list[bytes]:
        """net.ipv4.tcp_fastopen_key: one or two keys, each as four 32-bit words in hexadecimal. Raises Unsupported."""
        keys: list[bytes] = []
        for text in self.get("net.ipv4.tcp_fastopen_key").split(","):
            words = text.strip().split("-")
            try:
                key = b"".join(int(word, 16).to_bytes(4, "little") for word in words)
            except (ValueError, OverflowError):
                key = b""
            if len(words) != 4 or len(keys) == 2:
                raise Unsupported("tcp_fastopen_key takes one or two keys of four words: 01234567-89abcdef-...")
            keys.append(key)
        return keys

    def set(self, system: str, name: str, value: str) -> None:
        """Set a variable. Raises Unsupported for one whose effect netsim does not model."""
        if system != self.system:
            raise Unsupported(f"'{name}' is a variable of {system}; this run has the profile {self.base.name}")
        table = _FREEBSD if system == "freebsd" else _LINUX
        effect = table.get(name)
        if effect is not None:
            self._fields.update(effect(value))
        elif name not in _HOST_LEVEL:
            default = (sysctls.FREEBSD if system == "freebsd" else sysctls.LINUX)[name]
            if value != default:
                raise Unsupported(f"sysctl {name}={value} has no model in netsim (its default is {default})")
        self.values[name] = value

    def profile(self) -> Profile:
        """The profile with everything that was set."""
        if not self.values and not self.fixed:
            return self.base
        fields = {**self._fields, **self.fixed}
        if self.system == "freebsd" and self.number("net.inet.tcp.pmtud_blackhole_detection"):
            fields["black_hole_mss"] = (
                self.number("net.inet.tcp.pmtud_blackhole_mss"),
                self.number("net.inet.tcp.v6pmtud_blackhole_mss"),
            )
        known = {name: value for name, value in fields.items() if hasattr(self.base, name)}
        return replace(self.base, **known)
