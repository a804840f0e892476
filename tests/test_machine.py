"""The machine as Home shows it."""

from tlcore import machine


def test_snapshot_has_plausible_figures(workspace):
    here = machine.snapshot(workspace)
    assert here.cores >= 1
    assert 0 < here.memory_free_bytes <= here.memory_bytes
    assert here.disk_free_bytes > 0
