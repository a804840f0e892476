"""Can its probabilities be believed?"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui import reliability_chart
from pages.ui.download import download_csv
from pages.ui.reliability_chart import AFTER, BEFORE
from pages.ui.run_domain import Tested, tested
from pages.ui.text import count, literal
from tlcore.calibration import HIGHEST, LOWEST, Calibration
from tlcore.store import Job


def calibration(run: Job) -> None:
    """One sentence, the errors before and after the temperature, and the reliability diagram."""
    given = tested(run)
    if given.evaluation.reliability.empty:
        st.info("Nothing can be told: not every probability is a number.", icon=":material/info:")
        return
    found = given.evaluation.calibration
    if found is None:
        why = "This run left no validation pictures' answers" if given.predictions.split.endswith("test") else "This trial of a study is judged by its validation pictures"
        st.info(f"{why}, so no temperature can be fitted: only what it is like as it answers is shown.", icon=":material/info:")
    else:
        st.markdown(f"**{literal(found.in_words)}**")
        _figures(found, given)
    bins = _bins(given)
    names = tuple(bins["name"].unique())
    with st.grid(2, min_column_width=300):
        with st.container(key="reliability"):
            st.markdown("**Reliability**")
            st.vega_lite_chart(bins, reliability_chart.reliability(names), key="reliability_chart", alt=f"Share recognised over confidence in {count(len(bins), 'bin')} on {len(given.predictions)} {given.pictures}: {_told(given)}")
        with st.container(key="confidences"):
            st.markdown("**Pictures by confidence**")
            st.vega_lite_chart(bins, reliability_chart.counts(names), key="confidence_chart", alt=f"Number of {given.pictures} by how sure the model is")
    st.caption("On the dashed diagonal 90% sure means right nine times in ten; below it the model is too sure. The bars are 95% intervals: bins of few pictures tell little.")
    download_csv(bins, f"{given.name}-calibration.csv", "calibration")


def _figures(found: Calibration, given: Tested) -> None:
    """ECE and log loss before and after, and where the temperature is from."""
    with st.grid(min_column_width=200):
        mean, high = found.if_calibrated
        for title, before, after, meaning in (
            ("ECE", found.ece, found.ece_after, f"Expected calibration error: how far confidence and accuracy are apart on average. By chance alone a calibrated model would show {mean:.3f}, at most {high:.3f}."),
            ("Log loss (nats)", found.log_loss, found.log_loss_after, "Cost of the probabilities; being sure and wrong costs most."),
        ):
            told, which = (f"{before:.3f}", "") if found.at_limit else (f"{before:.3f} → {after:.3f}", " As it answers, and after dividing by the temperature.")
            st.metric(title, told, help=f"{meaning}{which}", border=True)
        st.metric("Surplus of confidence", f"{100 * found.surplus:+.1f} points".replace("-", "−"), help="Mean confidence less accuracy: above 0 the model is too sure, below it not sure enough.", border=True)
        st.metric("Temperature", "none fits" if found.at_limit else f"{found.temperature:.2f}", help="The logits are divided by it: above 1 the model becomes less sure, below 1 surer. Its answers stay the same.", border=True)
    where = " of the other domain, since no label of this one may be read; it need not fit here" if found.other_domain else ""
    errors = f"the errors are of the {len(given.predictions):,} {given.pictures}."
    if found.at_limit:
        st.caption(f"No temperature from {LOWEST:g} to {HIGHEST:g} is the best on the {count(found.fitted_on, 'validation picture')}: too few of them are mistaken, or too many. So none is shown; {errors}")
        return
    st.caption(f"The temperature is fitted on {count(found.fitted_on, 'validation picture')}{where}; {errors}")


def _bins(given: Tested) -> pd.DataFrame:
    after = given.evaluation.reliability_after
    parts = {BEFORE: given.evaluation.reliability, **({AFTER: after} if after is not None else {})}
    return pd.concat([part.assign(name=name) for name, part in parts.items()], ignore_index=True)


def _told(given: Tested) -> str:
    """The fullest bin in words."""
    fullest = given.evaluation.reliability.nlargest(1, "count").iloc[0]
    return f"most pictures are {fullest['confidence']:.0%} sure on average, and {fullest['accuracy']:.0%} of those are recognised"
