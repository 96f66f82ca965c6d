"""A voice assistant that really fails, the people who talk to it, and annotators: logs with the truth beside them.

Public corpora have no confidences, no n-best lists, no barge-ins, no failed components. :func:`simulated` yields
dialogues that have all of it; ``python -m experiments.simulate`` writes them.
"""
