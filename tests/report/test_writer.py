"""The one writer of reports: nothing half-written, the page last, and nothing of the user's removed."""

import os
from pathlib import Path

import jinja2
import pandas as pd
import pytest
from matplotlib.figure import Figure

from actbench.report import writer


@pytest.fixture
def template(tmp_path) -> Path:
    path = tmp_path / "t.md.j2"
    path.write_text("# {{ title }}\n{% for figure in figures %}\n![x]({{ figure }})\n{% endfor %}\n")
    return path


def write(folder: Path, template: Path, *, figures: tuple[str, ...], tables: tuple[str, ...] = ()) -> None:
    with writer.replacing(folder) as new:
        save = writer.saver(new, prefix="w1-")
        writer.write_tables(new, {name: pd.DataFrame({"a": [0.1 + 0.2]}) for name in tables} | {"no": pd.DataFrame()})
        drawn = [save(Figure(figsize=(1, 1)), name) for name in figures]
        writer.write_page(new, template, title="T", figures=drawn)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_report_replaces_the_old_one_and_keeps_what_is_the_users(tmp_path, template) -> None:
    folder = tmp_path / "r"
    write(folder, template, figures=("one", "two"), tables=("means", "pairs"))
    (folder / "figures" / "mine.png").touch()
    (folder / "notes.md").touch()
    write(folder, template, figures=("two", "three"), tables=("means",))
    assert set(files(folder)) == {
        "figures/mine.png", "figures/w1-three.png", "figures/w1-two.png", "notes.md", "report.html", "report.md",
        "statistics/means.csv",
    }  # fmt: skip
    assert (folder / "statistics" / "means.csv").read_text() == "a\n0.30000000000000004\n"
    assert (folder / "report.html").read_text().count("<img ") == 2


def test_after_an_error_the_old_report_is_as_it_was(tmp_path, template) -> None:
    folder = tmp_path / "r"
    write(folder, template, figures=("one",), tables=("means",))
    before = files(folder)
    template.write_text("{{ of_no_value }}")
    with pytest.raises(jinja2.UndefinedError):
        write(folder, template, figures=("two",), tables=("pairs",))
    assert files(folder) == before
    assert {path.name for path in folder.iterdir()} == {"figures", "statistics", "report.html", "report.md"}


def test_the_page_goes_last_and_only_then_old_figures_are_removed(tmp_path, template, monkeypatch) -> None:
    folder, moved = tmp_path / "r", []
    write(folder, template, figures=("one",))
    replace = os.replace

    def recorded(source: Path, target: Path) -> None:
        moved.append(Path(target).relative_to(folder).as_posix())
        assert (folder / "figures" / "w1-one.png").is_file()
        replace(source, target)

    monkeypatch.setattr(os, "replace", recorded)
    write(folder, template, figures=("two", "three"), tables=("means",))
    assert moved == [
        "figures/w1-three.png", "figures/w1-two.png", "statistics/means.csv", "report.html", "report.md",
    ]  # fmt: skip
    assert not (folder / "figures" / "w1-one.png").exists()


def test_nothing_but_its_own_figures_is_removed_whatever_an_old_page_names(tmp_path, template) -> None:
    """A stranger's page may name any path, and need not be text."""
    folder = tmp_path / "r"
    (folder / "figures" / "sub").mkdir(parents=True)
    kept = [tmp_path / "a.png", folder / "b.png", folder / "figures" / "sub" / "c.png"]
    for path in kept:
        path.touch()
    names = "](figures/../../a.png) ](figures/../b.png) ](figures/sub/c.png) ](figures/absent.png)"
    (folder / "report.md").write_bytes(b"\xff" + names.encode())
    write(folder, template, figures=("one",))
    assert all(path.is_file() for path in kept)


def test_a_report_is_not_written_through_a_link(tmp_path, template) -> None:
    folder, mine = tmp_path / "r", tmp_path / "mine"
    folder.mkdir()
    mine.mkdir()
    (folder / "figures").symlink_to(mine)
    with pytest.raises(NotADirectoryError, match="nothing is written through links"):
        write(folder, template, figures=("one",))
    assert not list(mine.iterdir())


def test_a_folder_may_have_several_pages_each_with_its_figures(tmp_path, template) -> None:
    folder = tmp_path / "r"
    for names in (("one", "two"), ("two",)):
        with writer.replacing(folder) as new:
            save = writer.saver(new)
            for name in ("a", "b"):
                drawn = [save(Figure(figsize=(1, 1)), f"{name}-{figure}") for figure in names]
                writer.write_page(new, template, title="T", name=name, figures=drawn)
    assert set(files(folder)) == {
        "a.md", "a.html", "b.md", "b.html", "figures/a-two.png", "figures/b-two.png",
    }  # fmt: skip
