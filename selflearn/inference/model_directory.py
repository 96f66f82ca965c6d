"""The directory of a trained label generator: what has to be in it, and the model that it holds."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError
from transformers import PreTrainedTokenizerFast

from selflearn.models import LabelGenerator, LabelGeneratorConfig, WeightsError, load_tokenizer

_FILES = ("config.json", "model.safetensors", "tokenizer.json")


class ModelDirectoryError(ValueError):
    """A directory holds no trained label generator: says which directory, what is wrong, and what was expected."""

    def __init__(self, directory: Path, problem: str, expected: str) -> None:
        self.directory, self.problem, self.expected = directory, problem, expected
        super().__init__(f"{directory}: {problem}; expected {expected}")

    def __reduce__(self) -> tuple[type[ModelDirectoryError], tuple[Path, str, str]]:
        """Keep the fields across processes."""
        return ModelDirectoryError, (self.directory, self.problem, self.expected)


def check_model_directory(folder: Path) -> None:
    """Refuse a folder that holds no label generator.

    Raises:
        ModelDirectoryError: a file is missing or damaged, or it is another kind of model.
    """
    expected = f"a directory with {', '.join(_FILES)}, as a training run writes it into model/"
    if not folder.is_dir():
        raise ModelDirectoryError(folder, "not a directory" if folder.exists() else "no such directory", expected)
    absent = [name for name in _FILES if not (folder / name).is_file()]
    if absent:
        inside = "; perhaps its folder model/ is meant" if (folder / "model" / "config.json").is_file() else ""
        raise ModelDirectoryError(folder, f"no {absent[0]} in it{inside}", expected)
    try:
        kind = json.loads((folder / "config.json").read_text("utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise ModelDirectoryError(folder, f"config.json cannot be read ({error})", expected) from error
    if kind != LabelGeneratorConfig.model_type:
        wanted = f"{LabelGeneratorConfig.model_type!r}: a trained label generator, not an encoder"
        raise ModelDirectoryError(folder, f"config.json says that this is a {kind!r}", wanted)


def load_model(folder: Path) -> LabelGenerator:
    """The model, with every weight from the file: transformers would make up those that are missing.

    Raises:
        ModelDirectoryError: the weights are damaged, or are not those of the configuration.
    """
    try:
        model: LabelGenerator = LabelGenerator.from_pretrained(str(folder), local_files_only=True, use_safetensors=True)
    except SafetensorError as error:
        raise ModelDirectoryError(folder, f"model.safetensors cannot be read ({error})", "an undamaged file") from error
    except WeightsError as error:
        problem, _, expected = str(error).partition("; expected ")
        raise ModelDirectoryError(folder, problem, expected) from error
    except RuntimeError as error:
        problem = f"model.safetensors does not fit config.json ({str(error).splitlines()[-1].strip()})"
        raise ModelDirectoryError(folder, problem, "both of one training run") from error
    return model


def model_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of the model.

    Raises:
        ModelDirectoryError: its files are damaged.
    """
    try:
        return load_tokenizer(folder)
    except Exception as error:  # whatever comes of files that nobody checks
        problem = f"its tokenizer cannot be read ({type(error).__name__}: {' '.join(str(error).split())})"
        raise ModelDirectoryError(folder, problem, "tokenizer.json and tokenizer_config.json, undamaged") from error
