"""A site of a small invented results root, made once for all tests of the site."""

import json

import pytest
from invented_site import Site, invent

from actbench.site import build, sources


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Site:
    """The site of an invented results root, with one claim."""
    pytest.importorskip("material", reason="Material for MkDocs is not installed: pip install -e '.[site]'")
    root = tmp_path_factory.mktemp("site")
    results = invent(root)
    claims = root / "experiments" / "claims"
    claims.mkdir(parents=True)
    claim = {"says": "Mish beats ReLU.", "atoms": {"beats": {"where": {"act": "mish"}, "against": {"act": "relu"}}}}
    (claims / "C99.yaml").write_text(json.dumps(claim), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources.options, "EXPERIMENTS", claims.parent)
        num_pages = build.build(results, root / "site")
    return Site(results, root / "site", num_pages)
