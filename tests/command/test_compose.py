"""The jobs that a command line composes, and the sentences that end a bad one before torch is imported."""

import itertools

import commands
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from actbench.__main__ import main
from actbench.command import compose
from actbench.command.line import hydra_arguments
from actbench.command.options import CONF, ConfigError, options

ACTS = ", ".join(options("act"))
WITH_CUSTOM = ", ".join(sorted([*options("act"), "custom"]))
MODELS = ", ".join(options("model"))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "",
            f"No activation is given. Name one, for instance: python -m actbench +act=mish. There are: {ACTS}.",
        ),
        ("+act=mishh", "There is no act=mishh: did you mean mish?"),
        ("act=Relu", "There is no act=Relu: did you mean relu?"),
        ("+act=zzz", f"There is no act=zzz: known are: {', '.join(sorted([*options('act'), 'custom']))}."),
        ("-m +act=relu,mishh", "There is no act=mishh: did you mean mish?"),
        (
            "+act=relu +act=mish",
            "act is given more than once: give it once, or several values of it with -m act=A,B.",
        ),
        ("+act=relu act=mish", "act is given more than once: give it once, or several values of it with -m act=A,B."),
        ("+act=[relu,mish]", "act=[relu,mish] is a list: to run one after another, give -m act=relu,mish."),
        ("+act=relu,mish", "act has several values: add -m to run them as a sweep."),
        ("+act=relu seed=range(3)", "seed has several values: add -m to run them as a sweep."),
        ("-m +act=glob(zz*)", f"There is no act=glob(zz*): known are: {WITH_CUSTOM}."),
        ("+actt=mish", "There is no key actt: did you mean act?"),
        ("+act=mish trian.epochs=3", "There is no key trian.epochs: did you mean train?"),
        ("+act=mish train.epoch=3", "There is no key train.epoch: did you mean train.epochs?"),
        ("+act=mish +train.epoch=3", "There is no key train.epoch: did you mean train.epochs?"),
        (
            "+act=mish +train.epochs=3",
            "+train.epochs adds a key that is there already: give it without the plus sign.",
        ),
        ("+act=mish model.dept=3", "There is no key model.dept with model=mlp: did you mean model.depth?"),
        ("+act=mish ~model", "~model deletes a key, but every key is needed: set it to another value instead."),
        ("+act=mish epochs", "'epochs' cannot be read: an argument is KEY=VALUE, as in train.epochs=5."),
        ("+act=relu act.alpha=3", "There is no key act.alpha: act=relu has no parameters. Leave it out."),
        ("+act=relu +act.alpha=3", "There is no key act.alpha: act=relu has no parameters. Leave it out."),
        ("+act=elu act.alfa=3", "There is no key act.alfa with act=elu: did you mean act.alpha?"),
        ("-m +act=elu,relu act.alpha=3", "There is no key act.alpha: act=relu has no parameters. Leave it out."),
        ("+act=mish train.epochs=x", "train.epochs=x is of the wrong type: it must be a whole number, as 20 is."),
        ("+act=mish train.epochs=1.5", "train.epochs=1.5 is of the wrong type: it must be a whole number, as 20 is."),
        ("+act=mish model.depth=x", "model.depth=x is of the wrong type: it must be a whole number, as 3 is."),
        ("+act=mish model.depth=2.5", "model.depth=2.5 is of the wrong type: it must be a whole number, as 3 is."),
        ("+act=elu act.alpha=true", "act.alpha=true is of the wrong type: it must be a number, as 1.0 is."),
        ("+act=elu act.alpha=big", "act.alpha=big is of the wrong type: it must be a number, as 1.0 is."),
        ("+act=mish data=mnst", "There is no data=mnst: did you mean mnist?"),
        ("+act=mish model=transformer", f"There is no model=transformer: known are: {MODELS}."),
        ("+experiment=digit_mlp", "There is no experiment=digit_mlp: did you mean digits_mlp?"),
        (
            "+act=custom",
            "act=custom needs the dotted path of your activation: act._target_=mymodule.MyActivation, "
            "in an importable module or a file in the working folder.",
        ),
        (
            "+act=mish track=tuned",
            "This track needs the experiment that tuned the learning rates: give tuning=NAME.",
        ),
        (
            "+act=mish track=tuned tuning=mine",
            "mine has not been run: python -m actbench +experiment=mine tunes the learning rates.",
        ),
        (
            "+act=mish model=cnn model.widths=[]",
            "model.widths=[] is of the wrong type: it must be a list of this kind, as [16, 32, 64] is.",
        ),
        (
            "+act=mish model=cnn model.widths=[8,a]",
            'model.widths=[8, "a"] is of the wrong type: it must be a list of this kind, as [16, 32, 64] is.',
        ),
        (
            "+act=mish model=cnn model.widths=8",
            "model.widths=8 is of the wrong type: it must be a list of this kind, as [16, 32, 64] is.",
        ),
        (
            "+act=mish model.width=null",
            "model.width=null is of the wrong type: it must be a whole number, as 128 is.",
        ),
        ("+act=mish data.num_train=abc", "data.num_train=abc is out of range: it must be a whole number, 1 or more."),
        ("+act=mish data.num_train=5.5", "data.num_train=5.5 is out of range: it must be a whole number, 1 or more."),
        ("+act=mish probes.epsilon=2.0", "probes.epsilon=2.0 is out of range: it must be a number between 0 and 1."),
        (
            "+act=mish seed=99999999999",
            "seed=99999999999 is out of range: it must be a whole number from 0 to 2,147,483,647.",
        ),
        (
            "+act=mish init._target_=actbench.measure.models.init.he",
            "init._target_ cannot be set: choose another option of init instead.",
        ),
        (
            "+act=mish data.load._target_=os.getcwd",
            "data.load._target_ cannot be set: choose another option of data instead.",
        ),
        (
            "+act=relu act._target_=torch.nn.Tanh",
            "act._target_ cannot be set but with act=custom alone, in a command of its own.",
        ),
        (
            "-m act=relu,custom act._target_=mine.f",
            "act._target_ cannot be set but with act=custom alone, in a command of its own.",
        ),
        (
            "act=custom act._target_=mine.f act.alpha=2",
            "act.alpha is new to act=custom: give it with a plus sign, +act.alpha=VALUE.",
        ),
        (
            "+act=mish device=gpu",
            "device=gpu is out of range: it must be auto, cpu or cuda.",
        ),
        (
            "+act=mish optim=sgd optim.momentum=0 optim.nesterov=true",
            "optim.nesterov=true needs an optim.momentum above 0, for instance 0.9.",
        ),
        (
            "+act=mish task=gan_conv task.generator.widths=[0]",
            "task.generator.widths=[0] is out of range: it must be a list of whole numbers, 1 or more.",
        ),
        (
            "+act=mish task=gan task.latent_size=0",
            "task.latent_size=0 is out of range: it must be a whole number, 1 or more.",
        ),
        (
            "+act=mish task=gan task.generator._partial_=false",
            "task.generator._partial_ cannot be set: choose another option of task instead.",
        ),
        (
            "+act=mish task=gan task.latent=8",
            "There is no key task.latent with task=gan: did you mean task.latent_size?",
        ),
        (
            "+act=mish model=cnn model.widths=[8,0]",
            "model.widths=[8, 0] is out of range: it must be a list of whole numbers, 1 or more.",
        ),
        # Found by a reviewer of the front door: each was a traceback, a false sentence, or trained.
        (
            "-m +experiment=elu_alpha,leaky_slope +act=relu",
            "An experiment brings a sweep of its own: give one experiment a command.",
        ),
        ("+act=relu output.name=[a]", 'output.name=["a"] is out of range: it must be a word.'),
        (
            "+act=relu track=tuned tuning=5",
            "5 has not been run: python -m actbench +experiment=5 tunes the learning rates.",
        ),
        ("+act=5", f"There is no act=5: known are: {WITH_CUSTOM}."),
        ("-m +act=relu,5", f"There is no act=5: known are: {WITH_CUSTOM}."),
        ("+act=relu model=null", f"There is no model=null: known are: {MODELS}."),
        ("=5", "'=5' cannot be read: an argument is KEY=VALUE, as in train.epochs=5."),
        ("+act=relu tsk=gan", "There is no key tsk: did you mean task?"),
        ("+act=relu schedul=cosine", "There is no key schedul: did you mean schedule?"),
        (
            "-m +act=relu hydra.sweeper.max_batch_size=-1",
            "hydra.sweeper.max_batch_size=-1 must be a whole number, 1 or more.",
        ),
        (
            "-m +act=custom act._target_=mine.f act.alpha=0.3,0.2",
            "act.alpha is new to act=custom: give it with a plus sign, +act.alpha=VALUE.",
        ),
        ("-m +act=elu +act.alpha=2,1", "+act.alpha adds a key that is there already: give it without the plus sign."),
        ("-m +act=elu,celu act.alpha=null", "act.alpha=null gives act.alpha no value."),
        ("+act=mish ~nokey", "~nokey deletes a key, but every key is needed: set it to another value instead."),
        (
            "+experiment=elu_alpha ~act",
            "~act deletes a key, but every key is needed: set it to another value instead.",
        ),
        ("+act=customm act._target_=mine.f", "There is no act=customm: did you mean custom?"),
        (
            "-m +act=relu hydra.launcher.n_jobs=x",
            "Error merging override hydra.launcher.n_jobs=x: Value 'x' of type 'str' could not be converted to Integer",
        ),
        ("+act=relu seed=${foo}", "Interpolation key 'foo' not found"),
        ("-m +act=relu seed=range(0)", "seed=range(0) matches nothing."),
        (
            "-m --cfg job +act=relu",
            "-m runs a sweep, --cfg and --info only show: give one of them.",
        ),
    ],
)
def test_a_bad_command_ends_with_a_sentence(line, sentence, capsys, tmp_path):
    """By the command itself, before anything is measured or written."""
    assert main(line.split()) == 2
    assert capsys.readouterr() == ("", f"actbench: {sentence}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["0", "-1"])
@pytest.mark.parametrize(
    "key", ["train.epochs", "train.batch_size", "model.width", "num_seeds", "threads", "data.num_train"]
)
def test_a_count_below_one_is_out_of_range(key, value):
    with pytest.raises(ConfigError) as caught:
        compose.job_from(["+act=mish", f"{key}={value}"])
    assert str(caught.value) == f"{key}={value} is out of range: it must be a whole number, 1 or more."


def test_the_depth_of_a_network_is_zero_or_more():
    assert compose.job_from(["+act=mish", "model.depth=0"]).config.model.depth == 0
    with pytest.raises(ConfigError) as caught:
        compose.job_from(["+act=mish", "model.depth=-1"])
    assert str(caught.value) == "model.depth=-1 is out of range: it must be a whole number, 0 or more."


@pytest.mark.parametrize("value", ["0.0", "-0.1", "inf", "nan"])
def test_a_learning_rate_that_is_not_a_finite_number_above_zero_is_out_of_range(value):
    with pytest.raises(ConfigError) as caught:
        compose.job_from(["+act=mish", f"optim.lr={value}"])
    assert str(caught.value) == f"optim.lr={value} is out of range: it must be a finite number above 0."


def test_the_plus_sign_of_an_activation_may_be_left_out():
    assert compose.job_from(["+act=mish"]) == compose.job_from(["act=mish"])


def test_a_sweep_is_the_product_of_its_axes():
    jobs = commands.jobs("+act=elu", "act.alpha=0.1,0.5,1.0", "seed=range(0,20,10)")
    assert [(job.config.act.alpha, job.config.seed) for job in jobs] == [
        (0.1, 0), (0.1, 10), (0.5, 0), (0.5, 10), (1.0, 0), (1.0, 10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fixed", "axes"),
    [
        ([], {"+act": ["relu", "elu"], "track": ["shared", "matched_init"], "norm": ["none", "batch"]}),
        (["act.alpha=0.3"], {"+act": ["elu", "celu"], "optim.lr": ["0.1", "0.01"]}),
        (["+experiment=gan_smooth"], {"+act": ["relu", "elu"], "data": ["digits", "mnist"]}),  # sets data.num_val
    ],
)
def test_a_job_of_a_sweep_is_what_hydra_composes_for_a_single_run(fixed, axes):
    jobs = commands.jobs(*fixed, *(f"{key}={','.join(values)}" for key, values in axes.items()))
    combinations = list(itertools.product(*axes.values()))
    assert len(jobs) == len(combinations)
    for job, values in zip(jobs, combinations, strict=True):
        line = [f"{key}={value}" for key, value in zip(axes, values, strict=True)]
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            composed = hydra_compose("config", [*fixed, *line], return_hydra_config=True)
        assert {group: composed.hydra.runtime.choices[group] for group in job.choices} == job.choices
        assert OmegaConf.to_container(job.config) == {
            key: value for key, value in OmegaConf.to_container(composed, resolve=True).items() if key != "hydra"
        }


@pytest.mark.parametrize(
    ("line", "for_hydra"),
    [
        ("-m +act=elu,celu act.alpha=0.5 model.width=16", "-m +act=elu,celu act.alpha=choice(0.5) model.width=16"),
        ("+act=elu act.alpha=0.5", "+act=elu act.alpha=0.5"),
        ("+experiment=elu_alpha", "-m +experiment=elu_alpha"),
        ("+experiment=elu_alpha --cfg job", "+experiment=elu_alpha --cfg job"),
        ("+experiment=digits_mlp act.alpha=2", "-m +experiment=digits_mlp act.alpha=choice(2)"),
        ("+act=elu epochs", "+act=elu epochs"),
    ],
)
def test_parameters_of_a_swept_activation_are_passed_to_hydra_as_choices(line, for_hydra):
    """Hydra rejects act.alpha=0.5 in the sweep's base config, where no activation is chosen yet."""
    assert hydra_arguments(line.split()) == for_hydra.split()


def test_a_fixed_key_of_a_swept_group_is_set_in_each_job():
    jobs = commands.jobs("+act=elu,celu", "act.alpha=0.5")
    assert [(job.choices["act"], job.config.act.alpha) for job in jobs] == [("elu", 0.5), ("celu", 0.5)]


def test_glob_takes_every_activation_and_no_other():
    jobs = commands.jobs("+act=glob(*)")
    assert [job.choices["act"] for job in jobs] == list(options("act"))


def test_the_command_line_replaces_an_axis_of_an_experiment():
    jobs = commands.jobs("+experiment=digits_mlp", "act=relu,elu", "train.epochs=1")
    assert [job.choices["act"] for job in jobs] == ["relu", "elu"]
    assert {job.config.train.epochs for job in jobs} == {1}
    assert {str(job.folder) for job in jobs} == {"results/digits_mlp"}


def test_a_named_folder_wins_over_the_experiment():
    job = compose.job_from(["+act=mish", "output.root=out", "output.name=mine"])
    assert str(job.folder) == "out/mine"


def test_a_number_may_name_a_results_folder():
    assert str(compose.job_from(["+act=mish", "output.name=2024"]).folder) == "results/2024"
