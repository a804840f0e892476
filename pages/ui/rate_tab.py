"""Learning rate on Tune: which one to take for these settings, at /tune?rate=7."""

from __future__ import annotations

import math

import streamlit as st

from pages.ui import forms, rate_chart
from pages.ui.download import download_csv
from pages.ui.question_tab import Question, ask
from pages.ui.text import literal
from tlcore.before_run import rate_found, submit_rate
from tlcore.rate_range import CEILING, STEPS, in_words
from tlcore.store import Job

HOW = (
    f"Trains on {STEPS} mini-batches while the learning rate rises from one to the next, and watches the loss: too small a rate changes nothing, "
    "too large a one makes training unstable. With the head alone it takes seconds; nothing of it is kept but the curve."
)
NOTE = (
    "The range test of Smith (2015). Smoothed: a mean over neighbouring mini-batches on both sides. Suggested is where the smoothed loss falls fastest; unstable, where half of what it fell is lost again. "
    "The rate is that of the head; blocks that a strategy lets learn slower keep their share of it. A schedule that lowers the rate later begins at this one."
)


def rates() -> None:
    """The tab."""
    ask(Question("rate", "Which learning rate?", HOW, "Find the rate", ":material/speed:", lambda store, config, token: submit_rate(store, config, token=token), _result))


def _result(job: Job) -> None:
    found = rate_found(job)
    assert found is not None
    with st.container(border=True, key="rate_answer"):
        first, *rest = in_words(found)
        st.markdown(f"**{literal(first)}**  \n" + "  \n".join(literal(sentence) for sentence in rest))
        if found.suggestion is not None:
            _train(job, found.suggestion)
        else:
            st.page_link("train.py", label="Change the settings on Train", icon=":material/tune:", query_params=forms.address(job.config))
    low, high = found.rates[0], 10 ** math.ceil(math.log10(found.rates[-1]))
    st.vega_lite_chart(rate_chart.rows(found), rate_chart.spec(low, high, CEILING * found.start, st.context.theme.type == "dark"), key="rate_chart", alt=rate_chart.alt_text(found))
    st.caption(NOTE)
    download_csv(lambda: rate_chart.rows(found)[["kind", "rate", "loss"]], f"rates-{job.id}.csv", "rates")


def _train(job: Job, rate: float) -> None:
    """Open Train with these settings and the suggested rate."""
    optimizer = job.config.optimizer.model_copy(update={"learning_rate": rate})
    if st.button("Train with this rate", key="train_with_rate", icon=":material/model_training:", type="primary"):
        st.switch_page("train.py", query_params=forms.address(job.config.model_copy(update={"optimizer": optimizer})))
