"""Entry points of selflearn: thin Hydra programs that wire the library. ``python -m experiments.train --help``."""
