"""CSV files that a spreadsheet may open without danger."""

from __future__ import annotations

import pandas as pd

from tlcore.tables import to_csv


def test_texts_that_look_like_formulas_are_quoted_and_numbers_are_not():
    table = pd.DataFrame({"class": ["=1+1", "+x", "-x", "@SUM", " =2", "cat", None], "change": [-1.5, 2, 3, 4, 5, 6, 7], "=head": "a"})
    assert to_csv(table).splitlines() == [
        "class,change,'=head",
        "'=1+1,-1.5,a",
        "'+x,2.0,a",
        "'-x,3.0,a",
        "'@SUM,4.0,a",
        "' =2,5.0,a",
        "cat,6.0,a",
        ",7.0,a",
    ]


def test_commas_and_line_breaks_stay_in_their_cell():
    assert to_csv(pd.DataFrame({"class": ['a,"b"\nc']})) == 'class\n"a,""b""\nc"\n'
