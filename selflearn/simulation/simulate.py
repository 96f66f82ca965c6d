"""Simulated logs: people by their numbers, their sessions in fixed blocks, blocks in shards.

Everything is drawn from (seed, person, session), and blocks hold the same people however many workers there are: the
same seed gives the same bytes.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import torch

from selflearn.schema import Dialogue
from selflearn.simulation.annotators import Annotators, AnnotatorSettings, load_annotators
from selflearn.simulation.assistant import Assistant, BestReading, Recognizer, Understander
from selflearn.simulation.components import checked_components, make_component
from selflearn.simulation.development import development_world
from selflearn.simulation.loading import load_world
from selflearn.simulation.log import dialogue
from selflearn.simulation.people import DAY, EPOCH, Person, Wishes, draw_situation, make_person
from selflearn.simulation.population import Population, load_population
from selflearn.simulation.resolution import CatalogueResolver
from selflearn.simulation.result import WorldSkills
from selflearn.simulation.session import Session
from selflearn.simulation.settings import AssistantSettings, load_assistant
from selflearn.simulation.speech_audio import SpeechRecognizer
from selflearn.simulation.speech_text import TextRecognizer, vocabulary
from selflearn.simulation.splits import Part
from selflearn.simulation.truth import diagnose
from selflearn.simulation.understanding import UnderstandingModel, training_examples
from selflearn.simulation.wake import WakeWordDetector
from selflearn.simulation.world import World

T = TypeVar("T")

BLOCK = 400
"""Dialogues that advance together, at least."""

LOG_VERSION = 5
"""Counts the changes after which the same world and seed give another log."""

Channel = Literal["text", "speech"]
"""How the assistant hears: words that go wrong by themselves, or speech that is spoken and recognised."""

SPLITS = {"train": 0.6, "dev": 0.1, "test": 0.3}
"""Shares of people. Those of "dev" talk as those of "train" do; those of "test" have phrasings and entities of their
own."""


@dataclass(frozen=True, slots=True)
class Block:
    """People whose sessions advance together: numbers ``[first, end)``, and how many dialogues are kept."""

    first: int
    end: int
    dialogues: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A world with its people, its assistant and its annotators, how it hears, and the seed of all that is drawn.

    ``components`` of the assistant are its own except those that stand there
    (:mod:`selflearn.simulation.components`). ``development`` says that the world is the one to choose between designs
    in (:mod:`selflearn.simulation.development`).
    """

    world: World
    population: Population
    assistant: AssistantSettings
    annotators: AnnotatorSettings
    seed: int
    channel: Channel = "text"
    components: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    development: bool = False

    @classmethod
    def load(
        cls, directory: str | Path, *, seed: int, channel: Channel = "text", rates: Mapping[str, Any] | None = None,
        components: Mapping[str, Any] | None = None, development: bool = False,
    ) -> Setting:  # fmt: skip
        """Read a world directory.

        Args:
            directory: of the world.
            seed: of all that is drawn.
            channel: how the assistant hears.
            rates: other values than those of its files: ``{"people.reactions.barge_in": 0.2}``.
            components: of the assistant that are not its own: ``{"rewriter": {"_target_": "mine.Rewriter"}}``.
            development: whether to take the world to choose between designs in, which knows nothing of the test split.

        Raises:
            ValueError: there is no such channel or component.
            WorldError: something in the directory, or in the rates, is wrong.
        """
        if channel not in get_args(Channel):
            raise ValueError(f"channel is {channel!r}; expected {' or '.join(get_args(Channel))}")
        world = load_world(directory, rates)
        if development:
            world = development_world(world)
        return cls(
            world=world, population=load_population(world), assistant=load_assistant(world),
            annotators=load_annotators(world), seed=seed, channel=channel,
            components=checked_components(components or {}), development=development,
        )  # fmt: skip

    def identity(self, dialogues: int) -> dict[str, Any]:
        """What a log of so many dialogues depends on, as plain data: two logs of one identity have the same bytes."""
        own = {
            "version": LOG_VERSION, "world": self.world.digest, "rates": dict(self.world.rates), "seed": self.seed,
            "dialogues": dialogues, "channel": self.channel,
        }  # fmt: skip
        own |= {"components": dict(self.components)} if self.components else {}
        return own | ({"development": True} if self.development else {})

    def component(self, name: str, own: Callable[[], T]) -> T:
        """A component that is put in, or else the assistant's own.

        Raises:
            ValueError: it cannot be made.
        """
        spec = self.components.get(name)
        return own() if spec is None else cast(T, make_component(name, spec, self))


def untrained_understanding(setting: Setting) -> UnderstandingModel:
    """The assistant's understanding model before it has learned anything."""
    resolver = CatalogueResolver(setting.world, setting.assistant.resolution, setting.seed)
    return UnderstandingModel.for_world(setting.world, resolver.catalogue())


def trained_understanding(setting: Setting) -> UnderstandingModel:
    """The assistant's understanding model, trained on its limited set; the same for the same setting."""
    model = untrained_understanding(setting)
    examples = training_examples(setting.world, setting.assistant.understanding, setting.seed)
    model.learn(examples, seed=setting.seed)
    return model


def shipped_understanding(setting: Setting) -> Understander:
    """The understanding model that the setting puts in, or else the assistant's own, trained.

    Raises:
        ValueError: the one that is put in cannot be made.
    """
    return setting.component("understanding", lambda: trained_understanding(setting))


def build_assistant(
    setting: Setting, understanding: Understander, *, log: Path | None = None,
    heard: Callable[[], None] | None = None,
) -> Assistant:  # fmt: skip
    """The assistant with its own components, and those that the setting puts in.

    Args:
        setting: its world, the channel it hears on, and its components.
        understanding: its trained model.
        log: folder of the log: where the speech channel keeps its recordings.
        heard: called by the speech channel after each utterance.

    Raises:
        ImportError: the speech channel is wanted and pocketsphinx is not installed.
        ValueError: it is wanted and ``log`` is not given, or a component cannot be made.
    """
    world, settings = setting.world, setting.assistant
    return Assistant(
        world, settings,
        wake=setting.component("wake", lambda: WakeWordDetector(settings.wake)),
        recognizer=setting.component("recognition", lambda: _recognizer(setting, log, heard)),
        rewriter=setting.component("rewriter", lambda: None),
        understander=understanding,
        chooser=setting.component("chooser", BestReading),
        resolver=setting.component("resolution", lambda: CatalogueResolver(world, settings.resolution, setting.seed)),
        skills=setting.component("skills", lambda: WorldSkills(world, settings.responses, settings.result)),
    )  # fmt: skip


def _recognizer(setting: Setting, log: Path | None, heard: Callable[[], None] | None) -> Recognizer:
    world, settings = setting.world, setting.assistant
    if setting.channel == "text":
        return TextRecognizer(vocabulary(world), settings.recognition)
    if log is None:
        raise ValueError("the speech channel keeps recordings; give the folder of the log")
    return SpeechRecognizer(
        vocabulary(world), _heard_before(setting), settings.speech, hypotheses=settings.recognition.hypotheses,
        log=log, heard=heard,
    )  # fmt: skip


def _heard_before(setting: Setting) -> list[str]:
    """What a language model is made of: requests that the assistant was trained on, names, and manners of speech."""
    world, manners = setting.world, setting.world.manners
    texts = [row.text for row in training_examples(world, setting.assistant.understanding, setting.seed)]
    texts += [text for kind in world.types.values() for entity in kind.entities for text in entity.spoken]
    frames = (*manners.polite, *manners.asking, *manners.corrections)
    texts += [frame.replace("{value}", "").replace("{}", "").strip() for frame in frames]
    texts += [*manners.complaints, *manners.thanks, *manners.dismissals]
    return texts


def plan(setting: Setting, dialogues: int) -> list[Block]:
    """Blocks of people who have so many dialogues in all; the last person's are cut.

    Raises:
        ValueError: not one dialogue is asked for.
    """
    if dialogues < 1:
        raise ValueError(f"{dialogues} dialogues; expected at least 1")
    blocks, first, number, left = [], 0, 0, dialogues
    inside = 0
    while left > 0:
        sessions = min(num_sessions(setting, number), left)
        inside, left, number = inside + sessions, left - sessions, number + 1
        if inside >= BLOCK or left == 0:
            blocks.append(Block(first, number, inside))
            first, inside = number, 0
    return blocks


def num_sessions(setting: Setting, person: int) -> int:
    """Sessions of a person: some talk to their assistant much more than others (geometric)."""
    draw = random.Random(f"{setting.seed}/{person}/sessions").random() or 1e-12
    return 1 + int(math.log(draw) / math.log(1 - 1 / setting.population.sessions_mean + 1e-12))


def split_of(setting: Setting, person: int) -> str:
    """The split that a person belongs to."""
    draw = random.Random(f"{setting.seed}/{person}/split").random()
    for name, share in SPLITS.items():
        draw -= share
        if draw < 0:
            return name
    return "test"


def simulate(setting: Setting, assistant: Assistant, wishes: Wishes, block: Block) -> list[Dialogue]:
    """The dialogues of a block, person by person in order of time; those that do not train have ratings, too.

    Raises:
        RuntimeError: a device does not wake by its button.
        ValueError: the chooser takes a reading that there is not.
        WorldError: somebody can want nothing.
    """
    sessions: list[tuple[str, Session]] = []
    for number in range(block.first, block.end):
        split = split_of(setting, number)
        part: Part = "test" if split == "test" else "train"
        person = make_person(number, part, wishes, setting.seed)
        for session in _sessions(setting, person, wishes)[: block.dialogues - len(sessions)]:
            sessions.append((split, session))
    advance([session for _, session in sessions], assistant)
    exchanges = [exchange for _, session in sessions for exchange in session.exchanges]
    diagnoses = iter(diagnose(exchanges, assistant))
    annotators = Annotators(setting.world, setting.annotators, seed=setting.seed)
    found = []
    for i, (split, session) in enumerate(sessions):
        own = [next(diagnoses) for _ in session.exchanges]
        name = f"{setting.world.name}-{setting.seed}-{block.first}-{i}"
        record = dialogue(session, own, setting.world, setting.assistant, split=split, dialogue_id=name)
        found.append(record if split == "train" else annotators.annotate(record, i))
    return found


def _sessions(setting: Setting, person: Person, wishes: Wishes) -> list[Session]:
    found = []
    for number in range(num_sessions(setting, person.number)):
        key = f"{setting.seed}/{person.number}/{number}"
        rng = random.Random(f"{key}/situation")
        day = int(rng.random() * setting.population.weeks * 7)
        situation = draw_situation(person, setting.population, EPOCH + day * DAY, rng)
        found.append(
            Session(key=key, person=person, situation=situation, wishes=wishes, memory=setting.assistant.memory)
        )
    return sorted(found, key=lambda session: session.situation.started_at)


def advance(sessions: Sequence[Session], assistant: Assistant) -> None:
    """Run sessions to their end, all together, one turn of each at a time.

    Raises:
        RuntimeError: a device does not wake by its button.
        ValueError: the chooser takes a reading that there is not.
        WorldError: somebody can want nothing.
    """
    running = []
    for session in sessions:
        generator = session.run()
        running.append((generator, next(generator)))
    while running:
        traces = assistant.answer([speech for _, (speech, _) in running], [context for _, (_, context) in running])
        going = []
        for (generator, _), trace in zip(running, traces, strict=True):
            try:
                going.append((generator, generator.send(trace)))
            except StopIteration:
                continue
        running = going


def simulated(setting: Setting, dialogues: int, *, log: Path | None = None) -> Iterator[Dialogue]:
    """Dialogues one after the other, in this process; ``log`` as :func:`build_assistant` takes it.

    Raises:
        ImportError: the speech channel is wanted and pocketsphinx is not installed.
        OSError: it is wanted and flite is not installed, or fails.
        RuntimeError: a device does not wake by its button.
        ValueError: the speech channel is wanted and ``log`` is not given, a component cannot be made, the chooser takes
            a reading that there is not, or not one dialogue is asked for.
        WorldError: somebody can want nothing.
    """
    with one_thread():
        assistant = build_assistant(setting, shipped_understanding(setting), log=log)
        wishes = Wishes(setting.world, setting.population)
        for block in plan(setting, dialogues):
            yield from simulate(setting, assistant, wishes, block)


@contextmanager
def one_thread() -> Iterator[None]:
    """The same seed gives the same bytes on every machine, as sums have one order; small models lose nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
