"""Keys of recipes and settings that pages, recipes' comments and benchmarks name are keys that exist."""

import re
from pathlib import Path

import pytest

from passerby.methods.registry import METHODS, find_method
from passerby.recipe_section import known_keys

ROOT = Path(__file__).parent.parent
FILES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.py")),
    *sorted((ROOT / "src" / "passerby" / "recipes").glob("*.yaml")),
]
KEYS = {key for name in list(METHODS) for key in known_keys(find_method(name).recipe)}
SECTIONS = {key.partition(".")[0] for key in KEYS if "." in key}
FREE = ("added_losses.",)  # one's own losses, by their own names


def keys_named_in(text: str) -> set[str]:
    """Whatever is written as `section.key` or section.key= with a section that recipes have; files are no keys."""
    name = r"((?:[a-z]\w*)(?:\.[a-z]\w*)+)"
    found = re.findall(rf"(?<![\w./-]){name}=(?!=)", text) + re.findall(rf"`{name}`", text)
    keys = {key for key in found if key.partition(".")[0] in SECTIONS and not key.startswith(FREE)}
    return {
        key
        for key in keys
        if not key.endswith((".json", ".py", ".yaml", ".yml", ".csv", ".parquet", ".npz", ".safetensors"))
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_keys_exist(file: Path) -> None:
    assert keys_named_in(file.read_text(encoding="utf-8")) - KEYS == set()


def test_other_keys_are_noticed() -> None:
    text = "set `stage2.neck=1`, `stage2.margins` and training.lr=0.1 in `data.json`, but nobody.knows=2"
    assert keys_named_in(text) == {"stage2.neck", "stage2.margins", "training.lr"}
