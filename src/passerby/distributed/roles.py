"""Which of several processes this one is, by the environment that its starter set; without importing torch."""

import os


def is_main_process() -> bool:
    """Whether this process is the one that writes and prints; before and after processes are joined."""
    return all(int(os.environ.get(name, "0")) == 0 for name in ("RANK", "LOCAL_RANK", "NODE_RANK"))


def is_started_by_torchrun() -> bool:
    """Whether torchrun started this process, as one of equals."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_launched_helper() -> bool:
    """Whether Lightning started this process to help another on this machine; processes of torchrun are equals."""
    return os.environ.get("LOCAL_RANK", "0") != "0" and not is_started_by_torchrun()


def is_one_of_many() -> bool:
    """Whether other processes do the same from the beginning: helpers of Lightning, and all that torchrun starts."""
    return is_launched_helper() or is_started_by_torchrun()


def tasks_of_slurm() -> int:
    """How many copies of this process SLURM has started; 1 in a shell of `salloc` and in a script of `sbatch`.

    `SLURM_NTASKS` and `SLURM_PROCID` are set there too; the number of tasks of a step is set by `srun` alone.
    """
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", "1"))
