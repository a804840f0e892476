"""The machine as Home shows it."""

from tlcore import machine


def test_snapshot_has_plausible_figures(workspace):
    here = machine.snapshot(workspace)
    assert here.cores >= 1
    assert 0 < here.memory_free_bytes <= here.memory_bytes
    assert here.disk_free_bytes > 0


def test_graphics_cards_come_from_the_drivers_files(tmp_path):
    assert machine.graphics_cards(tmp_path / "absent") == ()
    card = tmp_path / "0000:01:00.0"
    card.mkdir()
    (card / "information").write_text("Model: \t\t NVIDIA T4\nIRQ: 34\n")
    assert machine.graphics_cards(tmp_path) == ("NVIDIA T4",)


def test_cache_is_measured(workspace):
    (workspace.cache / "a").write_bytes(b"x" * 1000)
    assert machine.cache_bytes(workspace) == 1000
