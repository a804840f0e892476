"""Page configuration and navigation, nothing else."""

from pathlib import Path

import streamlit as st

from pages.ui.state import show_queued_toast

ASSETS = Path(__file__).parent / "ui" / "assets"

st.set_page_config(
    page_title="Transfer Learning Workbench",
    page_icon=str(ASSETS / "favicon.png"),
    layout="wide",
    menu_items={
        "Get help": None,
        "Report a bug": None,
        "About": "Take a network that has learned one thing, teach it yours, and see whether it helped.",
    },
)
st.logo(str(ASSETS / "logo.png"), size="large")

page = st.navigation(
    [
        st.Page("home.py", title="Home", icon=":material/home:", default=True, help="The demonstration, the latest runs, the machine."),
        st.Page("data.py", title="Data", icon=":material/photo_library:", help="Add pictures, look at them, choose classes, see the split."),
        st.Page("collect.py", title="Collect", icon=":material/photo_camera:", visibility="hidden", help="Take pictures with the camera, train at once, try it live."),
        st.Page("train.py", title="Train", icon=":material/model_training:", help="Choose a backbone and what may learn; start one run or several."),
        st.Page("runs.py", title="Runs", icon=":material/monitoring:", help="The queue and history; live curves and the evaluation of a run."),
        st.Page("compare.py", title="Compare", icon=":material/compare_arrows:", help="Two to eight runs on the same test pictures."),
        st.Page("tune.py", title="Tune", icon=":material/tune:", help="Search settings with many runs."),
        st.Page("predict.py", title="Predict", icon=":material/image_search:", help="Try trained models on pictures of yours."),
    ],
    position="top",
)
show_queued_toast()
page.run()
