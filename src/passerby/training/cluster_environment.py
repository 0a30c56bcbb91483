"""How the processes of a training find one another."""

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from passerby.distributed.roles import is_started_by_torchrun


def chosen_environment() -> ClusterEnvironment:
    """The environment by which processes find one another: torchrun's, or Lightning's own.

    Said outright, because Lightning would take any job of SLURM for one whose processes SLURM has started.
    """
    return TorchElasticEnvironment() if is_started_by_torchrun() else LightningEnvironment()
