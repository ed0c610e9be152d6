"""Makes the captures in ``traces/``: real Linux kernels talking over a link that obeys a script.

Two fresh network namespaces, the client's and the server's, each own one TUN device. The other end of
both devices is held by :mod:`traces.make.link`, a router of one hop written in Python: it carries packets
from one namespace to the other and drops, delays, duplicates, reorders, corrupts or marks them on order.
It writes down every packet at the instant it leaves or enters a namespace, so each run gives two captures,
the client's side and the server's, with no capture loss, and a third file with the truth: what the link did
to which frame, what the applications called, and what the kernels counted.

Run it as root from the top of the repository::

    python -m traces.make              # all captures
    python -m traces.make --list
    python -m traces.make tail-loss zero-window

Nothing leaves the namespaces, and they have no names: they die with the process that holds them.
"""
