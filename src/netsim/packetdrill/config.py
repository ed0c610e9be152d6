"""What a run is asked to do: the command line's options, the script's `--option` lines, the choice of profile."""

from __future__ import annotations

from typing import Final

from netsim.base.errors import ScriptSyntaxError, UsageError
from netsim.packetdrill import tree

IP_VERSIONS: Final = ("ipv4", "ipv6", "ipv4-mapped-ipv6")
PROFILES: Final = ("freebsd", "linux", "rfc")

_FREEBSD_WORDS: Final = ("net.inet.", "kern.ipc.", "sockstat", "tcpdrop", "kldload", "kldstat", "setkey")
_FREEBSD_SYMBOLS: Final = ("FreeBSD", "STANDARD")
_IGNORED_OPTIONS: Final = frozenset(
    {
        "send_omit_free", "verbose", "dry_run", "init_scripts", "speed", "no_cleanup", "code_command", "code_format",
        "code_sockopt", "so_filename", "so_flags", "gateway_ip", "netmask_ip", "netdev", "psp_udp_port", "use_expect",
        "persistent_tun_dev", "debug", "prefix", "netmask",
    }
)  # fmt: skip
_NUMBERS: Final = {
    "tolerance_usecs": (0, 10**10), "tolerance_percent": (0, 1000), "mtu": (68, 65535), "mss": (1, 65535),
    "tcp_ts_tick_usecs": (0, 10**8), "bind_port": (1, 65535), "connect_port": (1, 65535),
}  # fmt: skip
_USUAL_SYMBOLS: Final = {
    "ipv4": {
        "TFO_COOKIE": "3021b9d889017eeb", "CODE": "host_unreachable", "CMSG_LEVEL_IP": "SOL_IP",
        "CMSG_TYPE_RECVERR": "IP_RECVERR",
    },
    "ipv6": {
        "TFO_COOKIE": "c1d1e9742a47a9bc", "CODE": "address_unreachable", "CMSG_LEVEL_IP": "SOL_IPV6",
        "CMSG_TYPE_RECVERR": "IPV6_RECVERR",
    },
    "ipv4-mapped-ipv6": {
        "TFO_COOKIE": "3021b9d889017eeb", "CODE": "host_unreachable", "CMSG_LEVEL_IP": "SOL_IPV6",
        "CMSG_TYPE_RECVERR": "IPV6_RECVERR",
    },
}  # fmt: skip
_FLAGS: Final = frozenset({"strict_segments", "tcp_ts_ecr_scaled"})
_TEXTS: Final = frozenset(
    {"ip_version", "udp_encapsulation", "non_fatal", "tcp_md5_secret", "local_ip", "remote_ip", "define", "D"}
)


class RunOptions:
    """The command line's wishes; None or empty: not given.

    profile: "freebsd", "linux" or "rfc"; defines: symbols of -D; sysctls: ("name", "value") pairs
    tolerance_us, mtu: replace the defaults (a script's own --tolerance_usecs and --mtu still win)
    record: keep events, packets and a transcript even when the script passes
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        defines: dict[str, str] | None = None,
        sysctls: list[tuple[str, str]] | None = None,
        ip_version: str | None = None,
        tolerance_us: int | None = None,
        mtu: int | None = None,
        record: bool = False,
        seed: int = 1,
    ) -> None:
        if profile is not None and profile not in PROFILES:
            raise UsageError(f"there is no profile '{profile}'; there are {', '.join(PROFILES)}")
        if ip_version is not None and ip_version not in IP_VERSIONS:
            raise UsageError(f"'{ip_version}' is not an IP version; there are {', '.join(IP_VERSIONS)}")
        self.profile = profile
        self.defines = dict(defines or {})
        self.sysctls = list(sysctls or [])
        self.ip_version = ip_version
        self.tolerance_us = tolerance_us
        self.mtu = mtu
        self.record = record
        self.seed = seed


class Config:
    """What holds for one script: its own option lines over the command line over the defaults.

    system: the system that the script is written for ("linux" or "freebsd"): its constants, its sysctl variables.
    For the profile "rfc" it is chosen by the script's content.
    """

    def __init__(self, script: tree.Script, options: RunOptions, profile: str) -> None:
        self.profile = profile
        self.system = choose_profile(script.text) if profile == "rfc" else profile
        self.is_linux = self.system == "linux"
        self.ip_version = options.ip_version or "ipv4"
        self.tolerance_us = options.tolerance_us if options.tolerance_us is not None else 4000
        self.tolerance_percent_x10 = 125 if self.is_linux else 50
        self.mtu = options.mtu or 1500
        if options.mtu is None and options.ip_version == "ipv6" and self.is_linux:
            self.mtu = 1520  # as the runner of Google's suite does: the scripts are written for an MSS of 1460
        self.mss = 0
        self.ts_tick_us = 0
        self.ts_scaled = False
        self.strict_segments = False
        self.udp_encapsulation = False
        self.non_fatal_syscall = False
        self.non_fatal_packet = False
        self.md5_secret = b""
        self.bind_port = 8080
        self.connect_port = 8080
        local_remote: dict[str, str] = {}
        for option in script.options:
            self._apply(script, option, options, local_remote)
        v6 = self.ip_version == "ipv6"
        chosen = any(option.name == "ip_version" for option in script.options)
        local, remote = ("fd3d:fa7b:d17d::1", "2001:db8::1") if v6 else ("192.168.0.1", "192.0.2.1")
        if v6 and self.is_linux and not chosen:
            # As the runner of Google's suite does; its Fast Open cookies are made for these addresses.
            local, remote = "fd3d:a0b:17d6::1", "fd3d:fa7b:d17d::1"
        self.local_addr = local_remote.get("local_ip", local)
        self.remote_addr = local_remote.get("remote_ip", remote)
        if (":" in self.local_addr) != v6 or (":" in self.remote_addr) != v6:
            self.local_addr, self.remote_addr = local, remote

    def _apply(
        self, script: tree.Script, option: tree.OptionLine, options: RunOptions, addresses: dict[str, str]
    ) -> None:
        name, value = option.name, option.value
        if name in _NUMBERS:
            low, high = _NUMBERS[name]
            number = _number(script, option, low, high)
            if name == "tolerance_usecs":
                self.tolerance_us = number
            elif name == "tolerance_percent":
                self.tolerance_percent_x10 = number * 10
            elif name == "tcp_ts_tick_usecs":
                self.ts_tick_us = number
            else:
                setattr(self, name, number)
        elif name in _FLAGS:
            on = value not in ("0", "false")
            if name == "strict_segments":
                self.strict_segments = on
            else:
                self.ts_scaled = on
        elif name == "ip_version":
            version = (value or "").replace("_", "-")
            if version not in IP_VERSIONS:
                raise _bad(script, option, f"'{value}' is not an IP version", "one of " + ", ".join(IP_VERSIONS))
            if options.ip_version is None:
                self.ip_version = version
        elif name == "udp_encapsulation":
            if value not in ("tcp", "none"):
                raise _bad(script, option, f"'{value}' cannot be encapsulated", "write --udp_encapsulation=tcp")
            self.udp_encapsulation = value == "tcp"
        elif name == "non_fatal":
            kinds = (value or "").split(",")
            self.non_fatal_syscall = "syscall" in kinds
            self.non_fatal_packet = "packet" in kinds
        elif name == "tcp_md5_secret":
            self.md5_secret = (value or "").encode()
        elif name in ("local_ip", "remote_ip"):
            addresses[name] = (value or "").lower()
        elif name not in _IGNORED_OPTIONS and name not in _TEXTS and not name.startswith("wire_"):
            raise _bad(script, option, f"--{name} is not an option of packetdrill", None)

    def tolerance_ns(self, since_last_ns: int) -> int:
        """The larger of the absolute tolerance and the percentage of the time since the last event."""
        return max(self.tolerance_us * 1000, since_last_ns * self.tolerance_percent_x10 // 1000)


def _bad(script: tree.Script, option: tree.OptionLine, message: str, hint: str | None) -> ScriptSyntaxError:
    return ScriptSyntaxError(
        message,
        file=script.path,
        line=option.line,
        column=option.column,
        source_line=script.source_line(option.line),
        width=len(option.name) + 2,
        hint=hint,
    )


def _number(script: tree.Script, option: tree.OptionLine, low: int, high: int) -> int:
    text = option.value or ""
    if not text.isdigit() or not low <= int(text[:20]) <= high:
        raise _bad(script, option, f"--{option.name} needs a number between {low} and {high}", None)
    return int(text)


def choose_profile(text: str, path: str = "") -> str:
    """The profile that a script asks for: by its content, else by its folder, else Linux.

    "freebsd" when the text names a FreeBSD sysctl (net.inet., kern.ipc.), one of its tools (sockstat, tcpdrop,
    kldload, setkey) or tests the symbols FreeBSD or STANDARD; otherwise the nearest of the two folders above
    `path` that is called rfc, linux or freebsd; otherwise "linux".
    """
    if any(word in text for word in _FREEBSD_WORDS):
        return "freebsd"
    if any(f"#ifdef {symbol}" in text or f"#ifndef {symbol}" in text for symbol in _FREEBSD_SYMBOLS):
        return "freebsd"
    folders = path.replace("\\", "/").split("/")[-3:-1]
    return next((folder for folder in reversed(folders) if folder in PROFILES), "linux")


def symbols_for(profile: str, defines: dict[str, str], ip_version: str | None = None) -> dict[str, str]:
    """The symbols of a run: each tool predefines its system's name; `rfc` defines STANDARD.

    For Linux also those that the runner of Google's suite always gives, by IP version.
    """
    predefined = {"freebsd": {"FreeBSD": ""}, "linux": {"Linux": "", "linux": ""}, "rfc": {"STANDARD": ""}}[profile]
    usual = {} if profile == "freebsd" else _USUAL_SYMBOLS[ip_version or "ipv4"]
    return {**predefined, **usual, **defines}
