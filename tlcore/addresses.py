"""Where a server of ours may listen: at this machine's own addresses, unless its owner has said that others may connect."""

from __future__ import annotations

import ipaddress
import os

from tlcore.errors import ConflictError

ALLOW = "TLCORE_ALLOW_REMOTE"


def remote_allowed() -> bool:
    """Whether the owner has said that others may connect."""
    return os.environ.get(ALLOW) == "1"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_open(address: str | None, risk: str) -> None:
    """Raise ConflictError where an address lets other machines in and the owner hasn't said so. risk: what those could do."""
    if not remote_allowed() and not is_loopback(address or "0.0.0.0"):
        raise ConflictError(f"The server is asked to listen on {address or 'all addresses'}. {risk} {remedy()}")


def remedy() -> str:
    return f"Bind to 127.0.0.1, or set {ALLOW}=1 where an authenticating proxy stands in front."
