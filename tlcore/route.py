"""By which way a run comes to its activations: stored rows, stored maps of an earlier cut, or pixels. No TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Set

from tlcore.activations import stored_ids
from tlcore.backbones import BackboneSpec
from tlcore.cuts import Cut, PrefixIdentity, earlier_maps
from tlcore.workspace import Workspace


def lacking(identity: PrefixIdentity, ids: Collection[bytes], workspace: Workspace) -> Set[bytes]:
    """Those of the pictures without a stored row; the files are believed."""
    wanted = ids if isinstance(ids, Set) else frozenset(ids)
    stored = stored_ids(workspace.activations / identity.key)
    return wanted - stored if stored else wanted


def nearest_stored_maps(identity: PrefixIdentity, spec: BackboneSpec, ids: Collection[bytes], workspace: Workspace) -> Cut | None:
    """The earlier cut from whose stored feature maps the pictures get to their rows with the least work; None: from pixels.

    Rows that were computed by way of such maps before count as well. Work is multiply-adds: pictures with maps
    take the layers from there, others all. On a graphics card reading maps is no faster than the layers, so there it is None.
    """
    ids = frozenset(ids)
    end = spec.block_ends.index(str(identity.cut.layer)) + 1 if identity.cut.layer else 0
    best, least = None, len(lacking(identity, ids, workspace)) * spec.costs(0, end, identity.side_px)[0]
    if not least or identity.engine != "openvino":
        return None
    for cut in earlier_maps(spec, identity.cut):
        maps = upto(identity, cut)
        if not stored_ids(workspace.activations / maps.key) and not stored_ids(workspace.activations / by_way_of(identity, cut).key):
            continue
        wanted = lacking(by_way_of(identity, cut), ids, workspace)
        through_pixels = len(lacking(maps, wanted, workspace))
        start = spec.block_ends.index(str(cut.layer)) + 1
        onward = (len(wanted) - through_pixels) * spec.costs(start, end, identity.side_px)[0]
        work = through_pixels * spec.costs(0, end, identity.side_px)[0] + onward
        if work < least:
            best, least = cut, work
    return best


def by_way_of(identity: PrefixIdentity, cut: Cut) -> PrefixIdentity:
    """The same layers by way of stored feature maps at an earlier cut; where these are exact it makes no difference."""
    return identity if identity.exact else dataclasses.replace(identity, via=cut.layer)


def exactly(identity: PrefixIdentity) -> PrefixIdentity:
    """The same layers with nothing rounded, as for pictures that validate or are tested."""
    return dataclasses.replace(identity, via=None, exact=True)


def upto(identity: PrefixIdentity, cut: Cut) -> PrefixIdentity:
    """The layers below an earlier cut, from pixels."""
    return dataclasses.replace(identity, cut=cut, via=None)
