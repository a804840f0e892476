"""By which way a run comes to its activations: stored rows, stored maps of an earlier cut, or pixels. No TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from tlcore.activations import stored_ids
from tlcore.backbones import BackboneSpec
from tlcore.cuts import Cut, PrefixIdentity, earlier_maps
from tlcore.workspace import Workspace


def lacking(identity: PrefixIdentity, ids: Collection[bytes], workspace: Workspace) -> set[bytes]:
    """Those of the pictures without a stored row; the files are believed."""
    return set(ids) - stored_ids(workspace.activations / identity.key)


def nearest_stored_maps(identity: PrefixIdentity, spec: BackboneSpec, ids: Collection[bytes], workspace: Workspace) -> Cut | None:
    """The latest earlier cut with stored feature maps of every picture that lacks a row; None where there is none, or no need.

    Rows that were computed by way of such maps before are as good as the maps. On a graphics card reading
    maps is no faster than the layers, so there it is None.
    """
    wanted = lacking(identity, ids, workspace)
    if not wanted or identity.engine != "openvino":
        return None
    for cut in earlier_maps(spec, identity.cut):
        if not lacking(by_way_of(identity, cut), ids, workspace) or not lacking(upto(identity, cut), wanted, workspace):
            return cut
    return None


def by_way_of(identity: PrefixIdentity, cut: Cut) -> PrefixIdentity:
    """The same layers by way of rounded feature maps at an earlier cut."""
    return dataclasses.replace(identity, via=cut.layer)


def upto(identity: PrefixIdentity, cut: Cut) -> PrefixIdentity:
    """The layers below an earlier cut, from pixels."""
    return dataclasses.replace(identity, cut=cut, via=None)
