"""Links of the README, which mkdocs does not check, lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def anchors(page):
    """What the headings of a page are called in links to them."""
    heads = re.findall(r"(?m)^#+ (.*)$", page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_of_the_readme_lead_to_files_and_headings_that_are_there():
    text = (ROOT / "README.md").read_text("utf-8")
    found = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert len(found) > 20
    for target, _, anchor in (link.partition("#") for link in found):
        page = ROOT / (target or "README.md")
        assert page.exists(), target
        assert not anchor or anchor in anchors(page), f"{target}#{anchor}"
