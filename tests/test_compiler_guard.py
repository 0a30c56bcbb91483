"""What timm and torchvision ask of torch's compiler is put off, not taken away."""

import subprocess
import sys

_STILL_LEFT_ALONE = """
import sys
import passerby, torch, torchvision, timm.layers
assert "torch._dynamo" not in sys.modules
compiling = []

@timm.layers.disable_compiler
def left_alone(value):
    compiling.append(torch.compiler.is_compiling())
    return value + 1

def compiled(value):
    return left_alone(value * 2) * 3

assert left_alone(torch.ones(1)) == 2
assert left_alone.__name__ == "left_alone"
assert torch.compile(compiled, backend="eager")(torch.ones(1)) == 9
print(compiling)
"""

_STILL_THERE = """
import sys
import passerby, torch, torchvision.ops
assert "torch._dynamo" not in sys.modules and "torch._dynamo.utils" not in sys.modules
asked = torchvision.ops.roi_align.__globals__["is_compile_supported"]
import torch._dynamo.utils
print([asked(device) == torch._dynamo.utils.is_compile_supported(device) for device in ("cpu", "meta")])
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_functions_that_timm_marks_are_not_compiled() -> None:
    assert run(_STILL_LEFT_ALONE) == "[False, False]"


def test_functions_of_the_compiler_work_when_they_are_called() -> None:
    assert run(_STILL_THERE) == "[True, True]"


def test_a_compiler_that_was_there_before_is_left_as_it_is() -> None:
    code = "import torch._dynamo, passerby, timm.layers; print(timm.layers.disable_compiler is torch.compiler.disable)"
    assert run(code) == "True"
