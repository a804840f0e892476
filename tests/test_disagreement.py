"""On which pictures do models part company?"""

from __future__ import annotations

from tests.test_confusions import AFTER
from tests.test_results import PETS
from tlcore.confusions import disagreements
from tlcore.disagreement import by_who_is_right, in_cell


def test_who_is_right_is_told_for_two_runs_and_for_more():
    # Picture 11, a cat, is recognised by the second alone; 14, a dog, by the first alone.
    table = disagreements({7: PETS, 9: AFTER})
    found = {words: table["row"][rows].tolist() for words, rows in by_who_is_right(table, [7, 9]).items()}
    assert found == {"all": [14, 11], "only run 7 right": [14], "only run 9 right": [11], "no run right": []}
    table = disagreements({7: PETS, 8: PETS, 9: AFTER})
    found = {words: table["row"][rows].tolist() for words, rows in by_who_is_right(table, [7, 8, 9]).items()}
    assert found["only run 9 right"] == [11] and found["only run 9 wrong"] == [14] and found["only run 7 right"] == []


def test_pictures_of_a_cell_say_who_takes_them_so_the_parting_ones_first():
    # Taken for cats though dogs: 13 by both, 14 by the second alone.
    table = in_cell(PETS, AFTER, "dog", "cat")
    assert table[["row", "label", "one", "other", "who"]].values.tolist() == [[14, "dog", "dog", "cat", "only other"], [13, "dog", "cat", "cat", "both"]]
    assert in_cell(AFTER, PETS, "dog", "cat")["who"].tolist() == ["only one", "both"]
    assert in_cell(PETS, AFTER, "cat", "dog")["row"].tolist() == [11]
