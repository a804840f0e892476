"""The Compare page: chosen through the link, refused with the reason, one tab a question."""

from __future__ import annotations

import shutil

import pytest

from tests.finished_run import finished_run
from tests.pages.conftest import texts
from tlcore.compare import compare_runs
from tlcore.disagreement import by_who_is_right
from tlcore.store import Store
from tlcore.workspace import Workspace

SHORT, LONG, AGAIN, APART, FEWER = 1, 2, 3, 4, 5
RUNS = f"{SHORT},{LONG},{AGAIN}"


@pytest.fixture(scope="module")
def ready(tmp_path_factory, prepared):
    """A workspace with five runs: one that hardly learns, one that does, that with another seed, one on other pictures, one with fewer classes."""
    root = tmp_path_factory.mktemp("compared") / "workspace"
    shutil.copytree(prepared, root)
    workspace = Workspace(root)
    store = Store.open(workspace)
    changes = (
        {"name": "short", "train__epochs": 1, "optimizer__learning_rate": 1.0}, {"name": "long", "train__epochs": 4}, {"name": "again", "train__epochs": 4, "train__seed": 7},
        {"split__seed": 3, "train__epochs": 1}, {"classes": ["3", "8"], "train__epochs": 1},
    )
    assert [finished_run(store, workspace, **each) for each in changes] == [SHORT, LONG, AGAIN, APART, FEWER]
    store.close()
    return root


@pytest.fixture
def compared(empty, ready) -> Workspace:
    shutil.copytree(ready, empty.root, dirs_exist_ok=True)
    return empty


@pytest.fixture
def found(compared, store):
    """What the page is to show."""
    return lambda *runs, **how: compare_runs([store.job(run) for run in runs], compared, **how)


def alts(at) -> list[str]:
    """Of the comparison's charts; that of accuracy against cost stands below them on every tab."""
    return [chart.proto.alt for chart in at.get("vega_lite_chart") if "Pareto front" not in chart.proto.alt]


def of_the_comparison(at) -> list:
    """Its tables; the last one is the front of accuracy against cost."""
    assert "time to train" in at.get("vega_lite_chart")[-1].proto.alt
    return list(at.dataframe)[:-1]


def said(at) -> str:
    return texts(at).replace("\\", "")


def test_without_finished_runs_the_page_names_the_next_step(digits, open_page):
    assert "No finished run yet" in open_page("compare.py").info[0].value


def test_a_choice_goes_into_the_link(compared, open_page):
    at = open_page("compare.py")
    assert "Choose two runs" in at.info[0].value
    at.multiselect[0].set_value([LONG])
    assert "one more" in at.run().info[0].value
    at.multiselect[0].set_value([LONG, SHORT])
    assert at.run().query_params["runs"] == f"{LONG},{SHORT}"
    assert at.dataframe[0].value["run"].tolist() == [LONG, SHORT]


def test_unknown_runs_in_the_link_are_named(compared, open_page):
    at = open_page("compare.py", runs=f"{SHORT},999,{LONG},../x")
    assert "999" in at.warning[0].value and "one that can't be" in at.warning[0].value
    assert at.multiselect[0].value == [SHORT, LONG]


def test_the_figures_have_their_intervals_and_the_best_is_marked_where_it_holds(found, open_page):
    at, expected = open_page("compare.py", runs=f"{SHORT},{LONG}"), found(SHORT, LONG)
    assert not at.error and expected.best["accuracy"] == LONG
    assert at.dataframe[0].value["accuracy"].tolist() == expected.metrics["accuracy"].tolist()
    low, high = expected.intervals[LONG]["accuracy"]
    shown = at.dataframe[0].proto.arrow_data.styler.display_values
    assert f"★ {expected.metrics['accuracy'][1]:.1%} ({100 * low:.1f}–{100 * high:.1f})".encode() in shown
    assert "★ is better than the other run, and not by chance" in said(at)
    at, expected = open_page("compare.py", runs=RUNS), found(SHORT, LONG, AGAIN)
    assert expected.best["accuracy"] is None and f"★ {expected.metrics['accuracy'][1]:.1%}".encode() not in at.dataframe[0].proto.arrow_data.styler.display_values, "another seed of the same is as good"


def test_one_figure_is_drawn_which_the_link_holds(found, open_page):
    at = open_page("compare.py", runs=RUNS, figure="log_loss")
    assert at.selectbox(key="compare_figure").value == "log_loss" and alts(at)[0].startswith("Log loss (nats) of each run")
    at.selectbox(key="compare_figure").set_value("macro_f1").run()
    assert at.query_params["figure"] in ("macro_f1", ["macro_f1"]) and alts(at)[0].startswith("Macro F1 of each run")
    assert open_page("compare.py", runs=RUNS, figure="../x").selectbox(key="compare_figure").value == "accuracy"


def test_runs_that_differ_only_in_the_seed_are_summed_up(found, open_page):
    at, [group] = open_page("compare.py", runs=RUNS), found(SHORT, LONG, AGAIN).groups.to_dict("records")
    table = at.dataframe[1].value
    assert table["runs"].tolist() == [f"{LONG}, {AGAIN}"]
    assert table["accuracy"].tolist() == [f"{group['accuracy_mean']:.1%} ± {100 * group['accuracy_sd']:.1f}"]
    assert len(of_the_comparison(open_page("compare.py", runs=f"{SHORT},{LONG}"))) == 1


def test_every_pair_is_told_in_words_and_as_a_table(found, open_page):
    at, expected = open_page("compare.py", runs=RUNS, tab="Pairs"), found(SHORT, LONG, AGAIN)
    for pair in expected.pairs:
        assert pair.outcome("accuracy", expected.spoken) in said(at)
    assert "2 of 3 pairs can be told apart" in said(at).replace("*", "") and "differences under" in said(at)
    table = at.dataframe[0].value
    assert table["real"].tolist() == ["yes", "yes", "–"] and table["behind"].tolist()[:2] == [SHORT, SHORT]
    assert table["kappa"].tolist() == [pair.kappa for pair in expected.telling_pairs("accuracy")]
    at = open_page("compare.py", runs=f"{SHORT},{LONG}", tab="Pairs")
    assert found(SHORT, LONG).pairs[0].in_words("accuracy", found(SHORT, LONG).spoken) in said(at)


def test_only_the_open_tab_is_drawn_and_stands_in_the_link(compared, open_page):
    at = open_page("compare.py", runs=RUNS, tab="Confusion")
    assert [alt.split(":")[0] for alt in alts(at)] == [f"Confusion matrix of run {run}" for run in (SHORT, LONG, AGAIN)]
    at = open_page("compare.py", runs=RUNS, tab="Curves")
    assert [alt.split(" of ")[0] for alt in alts(at)] == ["Accuracy", "Loss"]
    at = open_page("compare.py", runs=RUNS, tab="Settings")
    assert not alts(at) and at.dataframe[0].value["setting"].tolist() == ["optimizer.learning_rate", "train.epochs", "train.seed"]
    assert alts(open_page("compare.py", runs=RUNS, tab="../x"))[0].startswith("Accuracy of each run")


def test_a_clicked_cell_of_one_matrix_shows_its_pictures(found, open_page):
    at = open_page("compare.py", runs=f"{SHORT},{LONG}", tab="Confusion")
    cell = found(SHORT, LONG).predictions[LONG].confusion_cells().iloc[0]
    at.session_state[f"confusion_{LONG}"] = {"selection": {"cell": [{"true": cell["true"], "predicted": cell["predicted"]}]}}
    assert f"**{cell['count']} picture" in texts(at.run()) and len(at.get("image")) == min(cell["count"], 12)
    word = f"{cell['true']} → {cell['predicted']}"
    assert word in str(at.query_params[f"cell_{LONG}"])
    at = open_page("compare.py", runs=f"{SHORT},{LONG}", tab="Confusion", cells="share of the row", **{f"cell_{LONG}": word})
    assert f"**{cell['count']} picture" in texts(at) and at.segmented_control(key="compare_confusion").value == "share of the row"


def test_what_curves_show_stands_in_the_link_and_comes_from_it(compared, open_page):
    at = open_page("compare.py", runs=RUNS, tab="Curves", axis="time", smoothing="0.5", part="training", also="auc")
    assert at.segmented_control(key="compare_axis").value == "time" and at.slider(key="compare_smoothing").value == 0.5
    assert [alt.split(" of ")[0] for alt in alts(at)] == ["Accuracy", "Loss", "AUC"] and alts(at)[0].endswith("over time, training")
    at.pills(key="compare_show").set_value([]).run()
    at.slider(key="compare_smoothing").set_value(0.2).run()
    at.segmented_control(key="compare_part").set_value("validation").run()
    link = {name: at.query_params[name] for name in ("axis", "smoothing", "part", "also")}
    assert {name: value[0] if isinstance(value, list) else value for name, value in link.items()} == {"axis": "time", "smoothing": "0.2", "part": "validation", "also": "none"}
    wrong = open_page("compare.py", runs=RUNS, tab="Curves", axis="../x", smoothing="nan", part="?", also="?")
    assert not wrong.exception and wrong.slider(key="compare_smoothing").value == 0.0


def test_classes_that_differ_most_come_first(found, open_page):
    at, expected = open_page("compare.py", runs=RUNS, tab="Classes", of_class="f1"), found(SHORT, LONG, AGAIN).by_class("f1")
    table = at.dataframe[0].value
    assert table["class"].tolist() == expected["class"].tolist() and table["spread"].is_monotonic_decreasing
    assert alts(at)[0].startswith("F1 of 10 classes by run")


def test_a_cell_of_the_difference_shows_who_takes_the_pictures_so(found, open_page):
    expected = found(SHORT, LONG, AGAIN)
    at = open_page("compare.py", runs=RUNS, tab="Changes", pair=f"{SHORT},{LONG}")
    changes = expected.confusion_difference(SHORT, LONG)
    assert at.selectbox(key="compare_pair").value == f"{SHORT},{LONG}" and len(at.selectbox(key="compare_cell").options) == len(changes)
    cell = changes[changes["true"] != changes["predicted"]].iloc[-1]
    at.session_state[f"changes_{SHORT}_{LONG}"] = {"selection": {"cell": [{"true": cell["true"], "predicted": cell["predicted"]}]}}
    at.run()
    word = f"{cell['true']} → {cell['predicted']}"
    assert at.selectbox(key="compare_cell").value == word and at.query_params["cell"] in (word, [word])
    before, after = expected.predictions[SHORT].in_cell(cell["true"], cell["predicted"]), expected.predictions[LONG].in_cell(cell["true"], cell["predicted"])
    both = len(set(before["row"]) & set(after["row"]))
    for who, number in ((f"Only run {SHORT}", len(before) - both), (f"Only run {LONG}", len(after) - both)):
        does = f"**{who}** takes for {cell['predicted']} {number} picture{'' if number == 1 else 's'} of {cell['true']}"
        assert (does in said(at)) == (number > 0)
    other = changes.iloc[0]
    at.selectbox(key="compare_cell").set_value(f"{other['true']} → {other['predicted']}").run()
    assert at.selectbox(key="compare_cell").value == f"{other['true']} → {other['predicted']}", "the click before is over"
    again = open_page("compare.py", runs=RUNS, tab="Changes", pair=f"{SHORT},{LONG}", cell=word)
    assert again.selectbox(key="compare_cell").value == word, "the link alone says it"


def test_pictures_on_which_they_disagree_by_who_is_right(found, open_page):
    expected = found(SHORT, LONG)
    groups = by_who_is_right(expected.disagreements, expected.runs)
    at = open_page("compare.py", runs=f"{SHORT},{LONG}", tab="Pictures", who=f"only run {LONG} right")
    number = int(groups[f"only run {LONG} right"].sum())
    assert number == expected.pairs[0].only_b and len(at.get("image")) == min(number, 24)
    assert f"They disagree on **{len(expected.disagreements)} of 359 test pictures**" in said(at) and f"{expected.pairs[0].kappa:.3f}" in said(at)
    at.selectbox(key="compare_who").set_value("no run right").run()
    assert len(at.get("image")) == min(24, int(groups["no run right"].sum()))


def test_other_test_pictures_are_refused_and_the_common_ones_offered(found, open_page):
    at = open_page("compare.py", runs=f"{LONG},{APART}")
    assert "split seed (0 against 3)" in at.error[0].value.replace("\\", "") and not of_the_comparison(at)
    expected = found(LONG, APART, common=True)
    assert at.toggle[0].label == f"Evaluate on the {len(expected.labels)} common pictures"
    at.toggle[0].set_value(True).run()
    assert not at.error and at.query_params["common"] in ("1", ["1"])
    assert at.dataframe[0].value["accuracy"].tolist() == expected.metrics["accuracy"].tolist()
    for run in (LONG, APART):
        assert f"{359 - len(expected.labels)} of 359 of run {run}" in said(at)
    again = open_page("compare.py", runs=f"{LONG},{APART}", common="1")
    assert not again.error and again.subheader[0].value == f"2 runs on the same {len(expected.labels)} test pictures"
    again.toggle[0].set_value(False).run()
    assert again.error and "common" not in again.query_params


def test_other_classes_are_refused_without_an_offer(compared, open_page):
    at = open_page("compare.py", runs=f"{LONG},{FEWER}", common="1")
    assert "classes (0, 1, 2, 3, 4 and 5 more against 3, 8)" in at.error[0].value.replace("\\", "") and not at.toggle and not of_the_comparison(at)


def test_equal_runs_differ_in_nothing(compared, store, open_page):
    twins = [finished_run(store, compared, name=name, train__epochs=1) for name in "ab"]
    runs = ",".join(map(str, twins))
    assert "No run carries a ★" in said(open_page("compare.py", runs=runs))
    assert "All settings are equal" in said(open_page("compare.py", runs=runs, tab="Settings"))
    assert "nothing changes from one run to the other" in said(open_page("compare.py", runs=runs, tab="Changes"))
    assert "All runs take each of the 359 test pictures for the same class" in said(open_page("compare.py", runs=runs, tab="Pictures"))
    assert "are equal" in said(open_page("compare.py", runs=runs, tab="Pairs"))
