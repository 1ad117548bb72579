"""All published pages and one page for each activation -> one browsable site, made by MkDocs with Material.

In: a results root with its reports, ledger and tables, and the guide, docs/*.md. Out: a folder of HTML that needs no
server and no network. Open `build.py` first; `pages.py` gathers what is published, `sources.py` reads the tables for
the pages that are made here, `activations.py` makes those of the activations and `home.py` the first one, which says
what suits the networks of `situations.py`; assets/ has the scripts and the style that all pages share.
"""
