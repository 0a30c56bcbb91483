"""What a process imports that only embeds: no training engine, no compiler."""

import subprocess
import sys
from pathlib import Path

from tests.exporting.nano_models import RECIPES, write_nano_model

_EMBED_WITH_EACH = """
import sys
import numpy as np
import passerby

picture = np.zeros((64, 32, 3), np.uint8)
for file in sys.argv[1:]:
    assert passerby.load(file, device="cpu").embed([picture]).shape[0] == 1, file
heavy = ("lightning", "torchmetrics", "torch._dynamo", "tensorboard", "matplotlib", "scipy.signal", "scipy.io")
print([name for name in heavy if name in sys.modules])
"""


def test_embedding_with_any_methods_model_imports_neither_lightning_nor_torchs_compiler(tmp_path: Path) -> None:
    files = [str(write_nano_model(name, tmp_path / f"{name}.safetensors")) for name in RECIPES]
    done = subprocess.run([sys.executable, "-c", _EMBED_WITH_EACH, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
