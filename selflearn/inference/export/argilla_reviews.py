"""Argilla's exported records become ratings: ``records.json`` of ``Dataset.to_disk``, or ``dataset.records.to_json``.

A record holds ``responses`` by question, each a list of ``{"value", "user_id"}``. The export does not say whether a
response was submitted or is a draft; ask Argilla for the submitted ones alone where that matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from selflearn.inference.audit_design import DRAWN_TURNS, REVIEW_QUEUE
from selflearn.inference.export.reviews import DialogueKey, Review, ReviewError, Reviews, read_json_list, slots_answer
from selflearn.inference.rows import NO, YES
from selflearn.schema import Rating

_EXPECTED = "records.json of an Argilla dataset that was made from an export of this library"
_YES_NO = ("boundary", "success", "defect")


def ratings_from_argilla(file: str | Path) -> Reviews:
    """Read what annotators said from the exported records of a dataset that was made by ``to=argilla``.

    Answers to questions that were added to the dataset, empty answers, and the boundary of a first turn, where a goal
    starts in any case, are left out and counted.

    Args:
        file: ``records.json``, or the folder that holds it.

    Returns:
        Ratings by ``argilla:USER_ID``.

    Raises:
        ReviewError: another file, a span outside of its request, an answer that was not offered; names the record.
    """
    path = Path(file).expanduser()
    path = path / "records.json" if path.is_dir() else path
    counts: Counter[str] = Counter()
    reviews = []
    for number, record in enumerate(read_json_list(path, _EXPECTED)):
        if not isinstance(record, dict) or not isinstance(record.get("metadata"), dict):
            raise ReviewError(path, f"record {number}", "no metadata", _EXPECTED)
        where = f"record {record.get('id', number)!r}"
        data = record["metadata"]
        absent = [name for name in ("dialogue_id", "corpus", "split", "turn") if name not in data]
        if absent or type(data["turn"]) is not int or data["turn"] < 0:
            raise ReviewError(path, where, f"metadata lacks {absent[0]!r}" if absent else f"turn is {data['turn']!r}",
                              _EXPECTED)  # fmt: skip
        fields = record.get("fields") or {}
        turn, request = data["turn"], fields.get("request") or ""
        ratings = list(_ratings(record.get("responses") or {}, turn, request, path, where, counts))
        counts["ratings"] += len(ratings)
        counts["annotations"] += len({rating.rater for rating in ratings})
        if ratings:
            key = DialogueKey(data["corpus"], data["split"], data["dialogue_id"])
            review = Review(
                key=key, where=where, ratings=tuple(ratings), requests={turn: request},
                sampling=DRAWN_TURNS if data.get("audit") is True else REVIEW_QUEUE,
                responses={turn: fields.get("response") or ""},
            )  # fmt: skip
            reviews.append(review)
        else:
            counts["records_without_ratings"] += 1
    return Reviews(file=path, reviews=tuple(reviews), counts=counts)


def _ratings(
    responses: Mapping[str, Any], turn: int, request: str, file: Path, where: str, counts: Counter[str]
) -> Iterator[Rating]:
    for question, given in responses.items():
        if not isinstance(given, list) or not all(isinstance(response, dict) for response in given):
            raise ReviewError(file, where, f"responses to {question} are {given!r}", "a list of value and user_id")
        for response in given:
            value, rater = response.get("value"), f"argilla:{response.get('user_id')}"
            if question not in ("intent", "slots", *_YES_NO):
                counts[f"ignored/{question}"] += 1
            elif value is None:
                counts["answers_empty"] += 1
            elif question == "boundary" and turn == 0:
                counts["boundaries_of_first_turns"] += 1
            else:
                answer = _answer(question, value, request, file, where)
                yield Rating(rater=rater, question=question, answer=answer, turn=turn)


def _answer(question: str, value: Any, request: str, file: Path, where: str) -> str:
    if question == "slots":
        try:
            spans = [(str(span["label"]), int(span["start"]), int(span["end"])) for span in value]
        except (TypeError, KeyError, ValueError) as error:
            raise ReviewError(file, where, f"slots are {value!r}", "spans with start, end and label") from error
        for name, start, end in spans:
            if not 0 <= start < end <= len(request):
                raise ReviewError(file, where, f"the slot {name!r} has the characters {start} to {end}",
                                  f"characters of the request, which has {len(request)}")  # fmt: skip
        return slots_answer(spans)
    allowed = (YES, NO) if question in _YES_NO else None
    if not isinstance(value, str) or (allowed is not None and value not in allowed):
        raise ReviewError(file, where, f"{question} is {value!r}", " or ".join(allowed or ("the name of an intent",)))
    return value
