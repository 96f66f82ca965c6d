"""Labelled dialogues beside gold ones, and the page of them."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from selflearn.inference.rows import Acceptance
from selflearn.reports.dialogues import collect
from selflearn.reports.page import page
from selflearn.schema import Dialogue, Goal, Label, Labels, Slot, Turn, TurnLabels
from tests.fixtures.dialogues import home_dialogues
from tests.fixtures.labelled import home_labelled

HOSTILE = '</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1">'
ACCEPT = {
    "intent": Acceptance(threshold=0.6, promise=f"at most 5% are wrong {HOSTILE}"),
    "success": Acceptance(threshold=0.5, promise="at most 10% are wrong"),
    "slots": Acceptance(promise="nothing can be promised yet"),
}


def hostile_dialogue() -> Dialogue:
    """Texts and names that would like to be HTML, and a slot behind characters of two halves."""
    request = f"\U0001f3b5\U0001f3b5 play Ca\u0301rol {HOSTILE} \u2028"
    start = request.index("play") + 5
    slot = Slot(name=HOSTILE, start=start, end=start + 6, text=request[start : start + 6], source="model", score=0.01)
    labels = TurnLabels(intent=Label(value=HOSTILE, source="model", score=0.02), slots=(slot,))
    goal = Goal(start=0, end=1, name=HOSTILE, success=False, source="model", score=0.5, success_score=0.5)
    return Dialogue(
        id=f"hostile {HOSTILE}", corpus="home", split="test", turns=(Turn(request=request, response=HOSTILE),),
        labels=Labels(goals=(goal,), turns=(labels,)),
    )  # fmt: skip


@pytest.fixture(scope="session")
def labelled():
    return [*home_labelled(40), hostile_dialogue()]


@pytest.fixture(scope="session")
def gold():
    plain = hostile_dialogue()
    return [*home_dialogues(40, seed=5), replace(plain, labels=Labels())]


class Elements(HTMLParser):
    """What a browser would see: the names of the elements, and the text in each script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names, self.attributes, self.scripts = [], [], []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        self.inside = tag == "script"
        if self.inside:
            self.scripts.append("")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.scripts[-1] += data


@pytest.fixture(scope="session")
def parse():
    """From a page to its elements and its data."""

    def parsed(text):
        elements = Elements(text)
        return elements, json.loads(elements.scripts[0])

    return parsed


def page_data(dialogues, *, quality=(), accept=ACCEPT, **more):
    """The data of a page with these dialogues."""
    promises = [[task, one.threshold, one.promise] for task, one in accept.items()]
    return {"title": f"a page {HOSTILE}", "facts": [["model", HOSTILE]], "headline": None, "counts": [["turns", 3]],
            "promises": promises, "quality": list(quality), "dialogues": dialogues} | more  # fmt: skip


@pytest.fixture(scope="session")
def page_of():
    """From labelled dialogues, and gold ones, to the text of a page; ``more`` is other data."""

    def made(labelled, gold=None, *, accept=ACCEPT, most=10_000, **more):
        found = collect(labelled, accept, gold=gold, most=most)
        return page(page_data(found.to_json(), accept=accept, **more), title=HOSTILE)

    return made
