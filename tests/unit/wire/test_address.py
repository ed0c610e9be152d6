"""Addresses: one normal form, the same as the standard library's."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netsim.wire.address import is_ipv6, normalise, to_bytes, to_text


@given(st.binary(min_size=4, max_size=4))
def test_ipv4_as_the_standard_library_writes_it(packed: bytes) -> None:
    assert to_text(packed) == str(ipaddress.IPv4Address(packed))
    assert to_bytes(to_text(packed)) == packed


@given(st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0xDB8, 0x2001]), min_size=8, max_size=8))
def test_ipv6_as_the_standard_library_writes_it(groups: list[int]) -> None:
    packed = b"".join(group.to_bytes(2, "big") for group in groups)
    if groups[:6] == [0, 0, 0, 0, 0, 0xFFFF]:
        return
    assert to_text(packed) == str(ipaddress.IPv6Address(packed))
    assert to_bytes(to_text(packed)) == packed


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::", "::"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1"),
        ("::FFFF:a00:1", "::ffff:10.0.0.1"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
        ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
    ],
)
def test_normal_form(text: str, normal: str) -> None:
    assert normalise(text) == normal
    assert is_ipv6(normal) == (":" in normal)


@pytest.mark.parametrize("text", ["", "10.0.0", "10.0.0.256", "01.2.3.4", "fe80::1%eth0", "host", ":::", "1::2::3"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        normalise(text)
    with pytest.raises(ValueError, match="4 or 16 octets"):
        to_text(b"12345")
