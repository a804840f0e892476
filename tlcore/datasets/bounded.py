"""How much memory the decoding of strangers' pictures may take in the process that does it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import psutil

SPARE_BYTES = 2 << 30  # Arrow's batches, and the files that wait for their turn.
CORE_BYTES = 2 << 30  # As much as the process that decodes for Predict; the largest picture allowed fits.


def decoding_bytes(cores: int) -> int:
    """Address space for a decoding on so many cores."""
    return SPARE_BYTES + cores * CORE_BYTES


@contextlib.contextmanager
def bounded_memory(more_bytes: int) -> Iterator[None]:
    """Let this process map `more_bytes` more than it has now, and lift that at the end.

    One at a time in a process. Other systems than Linux don't keep such a limit; there it is none.
    """
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bounds = [psutil.Process().memory_info().vms + more_bytes, *(bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(bounds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
