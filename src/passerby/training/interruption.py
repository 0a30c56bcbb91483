"""Ctrl-C and termination of a training run: obeyed at once, never lost, and reported once."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lightning.pytorch import Callback, Trainer

from passerby.distributed.roles import is_launched_helper, is_main_process
from passerby.errors import PasserbyError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SECONDS_OF_ONE_PRESS = 1.0
"""torchrun hands on a Ctrl-C that the terminal has sent to all processes already; together they are one."""
_SECONDS_TO_COMPLAIN = 10.0
"""How long a helping process that broke off may take to say why."""


class InterruptedRunError(PasserbyError):
    """A run that was ended by Ctrl-C or a signal; the message says how to continue.

    Args:
        folder: of the run, or of the runs of several seeds.
        more: further options that continuing needs.
        begun: False where there is nothing yet to continue.
    """

    def __init__(self, folder: Path, more: str = "", *, begun: bool = True) -> None:
        command = f"passerby train --resume {shlex.quote(str(folder))}{more}"
        super().__init__(f"interrupted; continue with `{command}`" if begun else "interrupted before the run began")
        self.begun = begun


class Interruption:
    """Makes a KeyboardInterrupt of the first SIGINT or SIGTERM, and remembers it; a second one ends the process.

    Python drops an exception that a signal raises inside a finaliser, and a library may, so whoever runs something
    long calls `check` between its steps besides. Signals that whoever started us wants ignored (a job in the
    background) stay ignored. Outside the main thread, which alone gets signals, nothing is done.
    """

    def __init__(self) -> None:
        self.signalled = False
        self.exit_codes: list[int] = []
        """Of helping processes that broke off by themselves."""
        self._launchers: list[Any] = []
        self._at = 0.0
        self._before: dict[signal.Signals, Any] = {}
        self._say_unraisable = sys.unraisablehook

    def check(self) -> None:
        """Raise the KeyboardInterrupt that got lost, if one did."""
        if self.signalled:
            raise KeyboardInterrupt

    def watch(self, trainer: Trainer) -> None:
        """End the processes that this trainer will start, if it is interrupted."""
        if hasattr(trainer.strategy.launcher, "procs"):  # only the launcher of helping processes has any
            self._launchers.append(trainer.strategy.launcher)

    def install(self) -> None:
        """Install handlers of the signals; again where other code has replaced them."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _SIGNALS:
            before = self._before.setdefault(number, signal.getsignal(number))
            if before in (signal.SIG_IGN, None):
                continue
            # A helper leaves Ctrl-C, which the terminal sends to all, to the process that started it and will end it.
            helping: Any = signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, helping if is_launched_helper() else self._on_signal)
        if sys.unraisablehook != self._on_unraisable:
            self._say_unraisable, sys.unraisablehook = sys.unraisablehook, self._on_unraisable

    def uninstall(self) -> None:
        """Restore the earlier handlers of the signals."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number, handler in self._before.items():
            if handler is not None:
                signal.signal(number, handler)
        sys.unraisablehook = self._say_unraisable

    def end_helpers(self, *, patience: float = 0.0) -> None:
        """End the processes that help this one, before they find it gone and complain.

        Args:
            patience: seconds in which they may end by themselves.
        """
        helpers = self._helpers()
        for launcher in self._launchers:  # Lightning's observer kills us too when a helper fails: let us speak first
            launcher.procs.clear()
        until = time.monotonic() + patience
        while time.monotonic() < until and any(helper.poll() is None for helper in helpers):
            time.sleep(0.05)
        self.exit_codes += [code for code in (helper.poll() for helper in helpers) if code]
        for helper in helpers:
            helper.kill()
            helper.wait()

    def _helpers(self) -> list["subprocess.Popen[bytes]"]:
        return [process for launcher in self._launchers for process in launcher.procs]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if not self.signalled:
            self.signalled, self._at = True, now
            raise KeyboardInterrupt
        if now - self._at > _SECONDS_OF_ONE_PRESS:
            for helper in self._helpers():
                helper.kill()
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _on_unraisable(self, unraisable: "sys.UnraisableHookArgs") -> None:
        if not self.signalled:  # afterwards: the KeyboardInterrupt, which `check` raises again, or what it left behind
            self._say_unraisable(unraisable)


@contextmanager
def interruptible(folder: Path) -> Iterator[Interruption]:
    """Work on the run in `folder` that may be interrupted, and then says how to continue.

    Raises:
        InterruptedRunError: in the first process; the others exit in silence.
        PasserbyError: a process that trains together with this one broke off.
    """
    interruption, parent = Interruption(), os.getppid()
    interruption.install()
    try:
        yield interruption
        interruption.check()
    except InterruptedRunError:
        raise
    except (KeyboardInterrupt, SystemExit) as error:  # Lightning makes an exit of a KeyboardInterrupt
        raise _interrupted(folder) from error
    except Exception as error:
        if interruption.signalled:  # what broke because the other processes were interrupted too
            raise _interrupted(folder) from error
        if is_launched_helper() and os.getppid() != parent:
            raise SystemExit(1) from error  # the process that we helped is gone: nothing is left to say
        if interruption.exit_codes and not isinstance(error, PasserbyError):
            raise PasserbyError(
                f"a process that trained together with this one broke off with code {interruption.exit_codes[0]} "
                f"(above is what it said): set that right, then `passerby train --resume {shlex.quote(str(folder))}`"
            ) from error
        raise
    finally:
        if sys.exc_info()[0] is not None:
            interruption.end_helpers()
        interruption.uninstall()


def _interrupted(folder: Path) -> BaseException:
    if is_main_process():
        return InterruptedRunError(folder, begun=(folder / "recipe.yaml").is_file())
    return SystemExit(1)


class StopOnSignal(Callback):
    """Obeys a signal at every step, and ends helping processes before this one leaves them alone.

    The last of the callbacks, so that what the others keep at a step is kept.
    """

    def __init__(self, interruption: Interruption) -> None:
        self.interruption = interruption

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Take the signals back from Lightning."""
        self.interruption.install()
        self.interruption.check()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Check for a signal after every step."""
        self.interruption.check()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        """Check for a signal after every epoch."""
        self.interruption.check()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:
        """End the helping processes; if one of them was the cause, let it say what happened."""
        known = isinstance(exception, PasserbyError | KeyboardInterrupt | SystemExit)
        self.interruption.end_helpers(patience=0.0 if known else _SECONDS_TO_COMPLAIN)
