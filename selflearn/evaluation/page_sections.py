"""A page of sections: those that are given replace what stands there under the same titles, all others stay."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

NOTES = "<!-- notes -->"
"""Line between the sections of runs and those of notes."""

IMAGES = "images"
"""Folder beside a page, for the images of its notes."""

LAST = "Not reached"
"""How the title of the section begins that stands last."""

_IMAGE = re.compile(r"(!\[[^\]]*\])\(([^():]+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page that begins with ``## TITLE``.

    Attributes:
        title: of its first line.
        text: with its title, without empty lines around.
        note: whether it comes from a file of notes, and not from runs.
        folder: that its images are in, where they are not yet beside the page.
    """

    title: str
    text: str
    note: bool = False
    folder: Path | None = None


def split_sections(text: str, *, note: bool = False) -> tuple[str, list[Section]]:
    r"""What stands before the first section, and the sections; a ``## `` inside a block of code begins none.

    Args:
        text: Markdown.
        note: what the sections are to be.

    Example:
        >>> head, sections = split_sections("# Page\n\n## A\n\nof a\n\n## B\n")
        >>> head, [section.title for section in sections]
        ('# Page', ['A', 'B'])
    """
    parts: list[list[str]] = [[]]
    code = False
    for line in text.splitlines():
        code ^= line.lstrip().startswith("```")
        if line.startswith("## ") and not code:
            parts.append([])
        parts[-1].append(line)
    head, *rest = ("\n".join(lines).strip("\n") for lines in parts)
    titles = [text.partition("\n")[0].removeprefix("## ").strip() for text in rest]
    return head, [Section(title=title, text=text, note=note) for title, text in zip(titles, rest, strict=True)]


def read_notes(file: Path) -> list[Section]:
    """The sections of a file of notes.

    Raises:
        ValueError: there is none, or something stands before the first; names the file.
    """
    head, sections = split_sections(file.read_text(encoding="utf-8"), note=True)
    if head.strip() or not sections:
        first = head.strip().partition("\n")[0]
        raise ValueError(f"{file} begins with {first!r}; expected Markdown in sections that begin with '## '")
    return [replace(section, folder=file.parent) for section in sections]


def copied_images(section: Section, folder: Path) -> Section:
    """The section with its images in the folder :data:`IMAGES` of its page's folder, and its links to them there.

    Args:
        section: of notes; others have no images.
        folder: of the page.

    Raises:
        ValueError: an image that the section shows is not there; names it.
    """
    source = section.folder
    if source is None:
        return section

    def copied(link: re.Match[str]) -> str:
        image, place = source / link[2], folder / IMAGES / Path(link[2]).name
        if not image.is_file():
            raise ValueError(f"the section {section.title!r} shows {image}, which is not there; run its command again")
        if image.resolve() != place.resolve():
            place.parent.mkdir(exist_ok=True)
            shutil.copyfile(image, place)
        return f"{link[1]}({IMAGES}/{place.name})"

    return replace(section, text=_IMAGE.sub(copied, section.text), folder=None)


def check_images(given: Sequence[Section], staying: Iterable[Section], folder: Path) -> None:
    """See that no image would take the place of another section's: in the folder of images each name is one image.

    Args:
        given: sections whose images are to be copied (:func:`copied_images`).
        staying: sections of the page that are not replaced.
        folder: of the page.

    Raises:
        ValueError: two sections show different images of one name; names them.
    """
    shown: dict[str, tuple[str, Path]] = {}
    for section in [*staying, *given]:
        for _, link in _IMAGE.findall(section.text):
            if section.folder is None and Path(link).parent != Path(IMAGES):
                continue  # of a run: it is not copied
            image = (section.folder or folder) / link
            title, other = shown.setdefault(image.name, (section.title, image))
            if image.is_file() and other.is_file() and image.read_bytes() != other.read_bytes():
                raise ValueError(
                    f"the sections {title!r} and {section.title!r} show two images of one name, {image.name}, and one "
                    f"would take the place of the other in {folder / IMAGES}; expected a name for each: rename "
                    f"{image}, and in the note that shows it"
                )


def read_page(text: str) -> tuple[str, list[Section]]:
    """Head and sections of a page that :func:`written_page` wrote."""
    runs, _, notes = text.partition(f"\n{NOTES}\n")
    head, sections = split_sections(runs)
    return head, sections + split_sections(notes, note=True)[1]


def updated(page: Iterable[Section], given: Sequence[Section]) -> list[Section]:
    """The sections of a page with those that are given.

    Args:
        page: what is there. A section whose title is given is replaced where it stands: all of one title by all that
            are given of it.
        given: any number of sections, several of one title too.

    Returns:
        Sections of runs, then notes, then what begins with :data:`LAST`; in each of them those of the page first.
    """
    of_title: dict[str, list[Section]] = {}
    for section in given:
        of_title.setdefault(section.title, []).append(section)
    titles = set(of_title)
    found: list[Section] = []
    for section in page:
        found += of_title.pop(section.title, []) if section.title in titles else [section]
    found += [section for sections in of_title.values() for section in sections]
    return sorted(found, key=lambda section: (section.note, section.title.startswith(LAST)))


def written_page(head: str, sections: Iterable[Section]) -> str:
    """Markdown of a page; :func:`read_page` reads it."""
    sections = list(sections)
    runs = [section.text for section in sections if not section.note]
    notes = [section.text for section in sections if section.note]
    return "\n\n".join([head.strip("\n"), *runs, *([NOTES] if notes else []), *notes]) + "\n"
