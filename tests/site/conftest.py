"""A site of a small invented results root, made once for all tests of the site."""

import pytest
from invented_site import Site, invent

from actbench.site import build


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Site:
    """The site of an invented results root."""
    pytest.importorskip("material", reason="Material for MkDocs is not installed: pip install -e '.[site]'")
    root = tmp_path_factory.mktemp("site")
    results = invent(root)
    num_pages = build.build(results, root / "site")
    return Site(results, root / "site", num_pages)
