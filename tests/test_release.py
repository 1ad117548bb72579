"""A release: one version in all its papers, and no number that depends on it."""

import re
import shutil
import tomllib
from pathlib import Path

import yaml

import actbench
from actbench.command import compose, options
from actbench.measure import identity

ROOT = Path(__file__).resolve().parent.parent


def test_the_papers_have_the_version_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    released = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert citation["version"] == released[0] == actbench.__version__


def test_the_citation_has_what_its_format_requires_and_the_licence_of_the_package():
    """The Citation File Format 1.2.0: four required keys; of an author who is no person, a name."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert citation["title"].startswith(project["name"])
    assert citation["authors"] == [{"name": author["name"]} for author in project["authors"]]
    assert citation["type"] in ("software", "dataset")
    assert citation["license"] == project["license"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", citation["date-released"])


def test_a_wheel_has_the_folders_that_stand_beside_the_package_in_a_checkout(tmp_path, monkeypatch):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    included = project["targets"]["wheel"]["force-include"]
    assert {ROOT / name for name in included} == {options.CONF, options.EXPERIMENTS, options.DOCS}
    monkeypatch.setattr(options, "_PACKAGE", tmp_path / "actbench")
    for name, place in included.items():
        shutil.copytree(ROOT / name, tmp_path / place)
        assert options._folder(name) == tmp_path / place
    assert sum(file.stat().st_size for file in (tmp_path / included["docs"]).iterdir()) < 1e6


def test_a_release_moves_no_identity(monkeypatch):
    """What was measured by an older version of the same PROTOCOL is not measured again."""
    words = ["+act=elu", "act.alpha=0.5", "task=gan", "model=cnn", "data=mnist"]
    before = identity.run_id(compose.job_from(words))
    monkeypatch.setattr(actbench, "__version__", "99.0.0")
    assert identity.run_id(compose.job_from(words)) == before
