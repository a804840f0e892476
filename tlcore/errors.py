"""Errors that a user can mend: every message says what, where and the remedy."""

from __future__ import annotations


class TLError(Exception):
    """Base of all errors that are shown to a user as one sentence, without a traceback."""


class InputError(TLError):
    """Something given by the user can't be used: a file, a setting, a name."""


class NotFoundError(TLError):
    """What was asked for isn't in this workspace."""


class ConflictError(TLError):
    """What was asked for collides with something that exists or is going on."""


class ResourceError(TLError):
    """The machine lacks something: disk, memory, network, a library."""


class Cancelled(TLError):
    """The user stopped this job; raised inside a worker to unwind it."""


class Pruned(Cancelled):
    """A trial has no prospect; raised inside it, with the reason, to unwind it."""


class Interrupted(Cancelled):
    """The job that this run is a part of stops; it can be gone on with later. Raised inside the run to unwind it."""


class Superseded(TLError):
    """Another attempt owns this job now; this worker must write nothing more."""
