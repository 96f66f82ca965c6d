"""A voice assistant that really fails, the people who talk to it, and annotators: logs with the truth beside them.

Public corpora have no confidences, no n-best lists, no barge-ins, no failed components. :func:`simulated` yields
dialogues that have all of it; ``python -m experiments.simulate`` writes them.
"""

from selflearn.simulation.loading import load_world
from selflearn.simulation.shards import write_log
from selflearn.simulation.simulate import Setting, build_assistant, simulated, trained_understanding
from selflearn.simulation.summary import Summary
from selflearn.simulation.world import WORLDS, World

__all__ = [
    "WORLDS", "Setting", "Summary", "World", "build_assistant", "load_world", "simulated", "trained_understanding",
    "write_log",
]  # fmt: skip
