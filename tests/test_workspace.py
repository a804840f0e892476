"""Files appear whole or not at all, and paths stay inside the workspace."""

import pytest

from tlcore.workspace import Workspace, folder_bytes, free_bytes, whole_file


def test_a_file_appears_with_its_whole_content(tmp_path):
    target = tmp_path / "result.txt"
    with whole_file(target) as temporary:
        temporary.write_text("all of it")
        assert not target.exists()
    assert target.read_text() == "all of it"
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path):
    target = tmp_path / "result.txt"
    target.write_text("old")
    with pytest.raises(OSError), whole_file(target) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


def test_two_threads_may_write_the_same_file_at_once(tmp_path):
    target = tmp_path / "result.txt"
    with whole_file(target) as one, whole_file(target) as other:
        one.write_text("one")
        other.write_text("other, and longer")
    assert target.read_text() == "one"  # The inner one ended first.
    assert [p.name for p in tmp_path.iterdir()] == ["result.txt"]


def test_the_workspace_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TLCORE_HOME", str(tmp_path / "there"))
    workspace = Workspace.from_env()
    assert workspace.root == tmp_path / "there"
    assert not workspace.root.exists(), "asking for a path makes no folder"
    workspace.create().create()
    assert workspace.run(7) == workspace.runs / "000007"
    assert workspace.runs.is_dir()


def test_a_run_id_is_a_number(workspace):
    with pytest.raises(ValueError):
        workspace.run("../../etc")


def test_sizes(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"12345")
    assert folder_bytes(tmp_path) == 5
    assert free_bytes(tmp_path / "not" / "yet") > 0
