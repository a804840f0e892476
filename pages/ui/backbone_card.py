"""A pretrained network on one card: age, size, accuracy, licence, and where it comes from."""

from __future__ import annotations

import streamlit as st

from pages.ui.text import literal, millions
from tlcore.backbones import BackboneSpec


def card(spec: BackboneSpec, elsewhere: str | None = None) -> None:
    """Facts of a backbone; only what is published or counted.

    elsewhere: what weights that aren't its own have been trained on, in words.
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
    trained = f"Trained on {literal(spec.trained_on)} · weights: {literal(spec.licence)}" if elsewhere is None else f"Trained on {literal(elsewhere)} · weights: from elsewhere"
    st.caption(f"{trained} · paper: {literal(spec.paper)}")
