"""A pretrained network on one card: age, size, accuracy, licence, and where it comes from."""

from __future__ import annotations

import streamlit as st

from pages.ui.text import literal, millions
from tlcore.backbones import BackboneSpec


def card(spec: BackboneSpec, elsewhere: str | None = None) -> None:
    """Facts of a backbone; only what is published or counted.

    elsewhere: a sentence on weights that aren't its own.
    """
    facts = {
        "Year": str(spec.year),
        "Parameters": millions(spec.params),
        "ImageNet top-1": f"{spec.top1:.1%}" if spec.top1 is not None and elsewhere is None else "–",
        "Usual input": f"{spec.usual_size} px",
        "Smallest input": f"{spec.min_size} px",
    }
    with st.container(horizontal=True, gap="medium"):
        for name, value in facts.items():
            st.markdown(f":small[:gray[{name}]]  \n**{value}**", width="content")
    weights = f"Trained on {spec.trained_on} · weights: {spec.licence}" if elsewhere is None else elsewhere
    st.caption(f"{literal(weights)} · paper: {literal(spec.paper)}")
