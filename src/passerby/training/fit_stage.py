"""Fit one stage with Lightning: devices, precision, states to resume from, logs, signals."""

from lightning.pytorch import Callback, Trainer

from passerby.config import TrainerSection
from passerby.methods.stage import Stage
from passerby.models.checkpoint import save_model
from passerby.runs.run_directory import RunDirectory
from passerby.training.checkpoints import AtomicCheckpointIO, SaveState
from passerby.training.cluster_environment import chosen_environment
from passerby.training.epoch_report import EpochReport
from passerby.training.interruption import Interruption, StopOnSignal
from passerby.training.lightning_stage import LightningStage
from passerby.training.trainer_extras import make_callbacks, make_loggers
from passerby.training.validation import ValidateEpochs


def fit_stage(
    stage: Stage,
    section: TrainerSection,
    run: RunDirectory,
    accelerator: str,
    validation: ValidateEpochs | None,
    interruption: Interruption,
) -> None:
    """Train a stage from its beginning or its last state; its weights are kept in the run, and the state removed.

    Args:
        stage: on whichever device; afterwards its model is on the CPU.
        section: how the machine is used.
        run: where states, weights and logs go.
        accelerator: `cuda` or `cpu`.
        validation: looks at the model between epochs, and chooses one if it is told to.
        interruption: obeyed at every step.
    """
    state = run.state_file(stage.name)
    resumed = state.exists()
    stage.set_trainable()
    own = [SaveState(state, section.checkpoint_every_steps), StopOnSignal(interruption)]
    watchers = [validation] if validation is not None else []
    trainer = _trainer(
        stage, section, run, accelerator, [EpochReport(run), *watchers, *make_callbacks(section.callbacks), *own]
    )
    interruption.watch(trainer)
    trainer.fit(LightningStage(stage), ckpt_path=state if resumed else None)
    interruption.check()
    if validation is not None:
        validation.restore_selected(stage)
    if trainer.is_global_zero:
        save_model(run.weights_file(stage.name), stage.model, {"stage": stage.name})
        state.unlink(missing_ok=True)
    trainer.strategy.barrier("stage")
    stage.model.to("cpu")


def _trainer(
    stage: Stage, section: TrainerSection, run: RunDirectory, accelerator: str, callbacks: list[Callback]
) -> Trainer:
    return Trainer(
        accelerator=accelerator,
        devices=section.devices,
        num_nodes=section.nodes,
        strategy="ddp" if section.processes > 1 else "auto",
        precision=section.precision,
        max_epochs=stage.epochs,
        accumulate_grad_batches=section.accumulate,
        reload_dataloaders_every_n_epochs=1,
        callbacks=callbacks,
        logger=make_loggers(section.loggers, run, stage.name),
        plugins=[AtomicCheckpointIO(), chosen_environment()],
        default_root_dir=run.folder,
        deterministic="warn",
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
