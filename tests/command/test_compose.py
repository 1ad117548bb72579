"""The jobs that a command line composes, and the sentences that end a bad one before torch is imported."""

import itertools
import re
import shlex

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
        ("-m +act=glob(zz*)", f"act=glob(zz*) lists no values: known are: {WITH_CUSTOM}."),
        ("+actt=mish", "There is no key actt: did you mean act?"),
        ("+act=mish trian.epochs=3", "There is no key trian.epochs: did you mean train.epochs?"),
        ("+act=mish train.epoch=3", "There is no key train.epoch: did you mean train.epochs?"),
        ("+act=mish +train.epoch=3", "There is no key train.epoch: did you mean train.epochs?"),
        ("+act=mish model.dept=3", "There is no key model.dept with model=mlp: did you mean model.depth?"),
        ("+act=mish ~model", "~model deletes a key, but each is needed: set it to another value."),
        ("+act=mish epochs", "'epochs' cannot be read: an argument is KEY=VALUE, as in train.epochs=5."),
        ("+act=relu act.alpha=3", "There is no key act.alpha: act=relu has no parameters. Leave it out."),
        ("+act=relu +act.alpha=3", "There is no key act.alpha: act=relu has no parameters. Leave it out."),
        ("+act=elu act.alfa=3", "There is no key act.alfa with act=elu: did you mean act.alpha?"),
        ("-m +act=elu,relu act.alpha=3", "There is no key act.alpha: act=relu has no parameters. Leave it out."),
        ("+act=mish train.epochs=x", "train.epochs=x is of the wrong type: it must be a whole number, as 25 is."),
        ("+act=mish train.epochs=1.5", "train.epochs=1.5 is of the wrong type: it must be a whole number, as 25 is."),
        ("+act=mish model.depth=x", "model.depth=x is of the wrong type: it must be a whole number, as 3 is."),
        ("+act=mish model.depth=2.5", "model.depth=2.5 is of the wrong type: it must be a whole number, as 3 is."),
        ("+act=elu act.alpha=true", "act.alpha=true is of the wrong type: it must be a number, as 1.0 is."),
        ("+act=elu act.alpha=big", "act.alpha=big is of the wrong type: it must be a number, as 1.0 is."),
        ("+act=mish data=mnst", "There is no data=mnst: did you mean mnist?"),
        ("+act=mish model=transformer", f"There is no model=transformer: known are: {MODELS}."),
        ("+experiment=digit_mlp", "There is no experiment=digit_mlp: did you mean digits_mlp?"),
        (
            "+act=mish track=tuned",
            "track=tuned, init=tuned takes what a tuning experiment chose: give tuning=NAME.",
        ),
        (
            "+act=mish track=tuned tuning=mine",
            "mine has not been run: python -m actbench +experiment=mine tunes, track=shared needs no tuning.",
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
        (
            "+act=mish looks=[20,10]",
            "looks=[20, 10] is out of range: it must be one to four ascending whole numbers from 2 on.",
        ),
        (
            "+act=mish looks=[5,10,20,40,80]",
            "looks=[5, 10, 20, 40, 80] is out of range: it must be one to four ascending whole numbers from 2 on.",
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
        ("+act=mish data=gaussian data.load.mean=3", "data.load.mean follows data.mean: set that."),
        ("+act=mish data=gaussian data.load.num_images=9", "data.load.num_images follows data.num_images: set that."),
        ("+act=mish data=mnist data.load.root=/mine", "data.load.root follows data.root: set that."),
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
            "+act=mish device=gpu",
            "device=gpu is out of range: it must be auto, cpu, cuda, cuda:1 or mps.",
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
            "An experiment brings its own sweep: give one experiment a command.",
        ),
        ("+act=relu output.name=[a]", 'output.name=["a"] is out of range: it must be a word.'),
        (
            "+act=relu track=tuned tuning=5",
            "5 has not been run: python -m actbench +experiment=5 tunes, track=shared needs no tuning.",
        ),
        ("+act=5", f"There is no act=5: known are: {WITH_CUSTOM}."),
        ("-m +act=relu,5", f"There is no act=5: known are: {WITH_CUSTOM}."),
        ("+act=relu model=null", f"There is no model=null: known are: {MODELS}."),
        ("=5", "'=5' cannot be read: an argument is KEY=VALUE, as in train.epochs=5."),
        ("+act=relu tsk=gan", "There is no key tsk: did you mean task?"),
        ("+act=relu schedul=cosine", "There is no key schedul: did you mean schedule?"),
        ("-m +act=elu,celu act.alpha=null", "act.alpha=null is of the wrong type: it must be a number, as 1.0 is."),
        ("-m +act=elu,celu act.alpha=", "act.alpha= is of the wrong type: it must be a number, as 1.0 is."),
        ("+act=mish ~nokey", "~nokey deletes a key, but each is needed: set it to another value."),
        (
            "+experiment=elu_alpha ~act",
            "~act deletes a key, but each is needed: set it to another value.",
        ),
        ("+act=swiglu", "There is no act=swiglu: give model.gate=true +act=silu."),
        ("-m +act=relu,geglu", "There is no act=geglu: give model.gate=true +act=gelu."),
        ("+act=customm act._target_=mine.f", "There is no act=customm: did you mean custom?"),
        (
            "-m +act=relu hydra.launcher.n_jobs=x",
            "Error merging override hydra.launcher.n_jobs=x: Value 'x' of type 'str' could not be converted to Integer",
        ),
        ("+act=relu seed=${foo}", "Interpolation key 'foo' not found"),
        ("-m +act=relu seed=range(0)", "seed=range(0) lists no values: name them, as in seed=A,B."),
        (
            "-m --cfg job +act=relu",
            "-m runs a sweep, --cfg and --info only show: give one of them.",
        ),
    ],
)
def test_a_bad_command_ends_with_a_sentence(line, sentence, tmp_path):
    assert commands.refusal(line.split()) == sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("+act=mishh", "There is no act=mishh: did you mean mish?"),
        ("+act=mish train.epoch=3", "There is no key train.epoch: did you mean train.epochs?"),
        ("-m +act=elu,relu act.alpha=3", "There is no key act.alpha: act=relu has no parameters. Leave it out."),
        ("+experiment=digit_mlp", "There is no experiment=digit_mlp: did you mean digits_mlp?"),
        ("+act=relu seed=${foo}", "Interpolation key 'foo' not found"),
        ("-m +act=relu seed=${seed}", "Recursive interpolation detected"),
        ("-m +act=relu hydra.launcher.n_job=5", "There is no key hydra.launcher.n_job: did you mean"),
        ("+act=mish track=tuned", "track=tuned, init=tuned takes what a tuning experiment chose: give tuning=NAME."),
        (
            "+act=custom",
            "act=custom needs the dotted path of your activation: act._target_=mymodule.MyActivation, "
            "in an importable module or a file in the working folder.",
        ),
        ("-m +act=relu hydra/sweeper=basic", "There is no hydra/sweeper=basic: known are: actbench, "),
        (
            "-m +act=relu hydra.sweeper.max_batch_size=-1",
            "hydra.sweeper.max_batch_size=-1 must be a whole number, 1 or more.",
        ),
    ],
)
def test_the_command_prints_the_sentence_and_leaves_nothing(line, sentence, capsys, tmp_path):
    """Each way to it: words that are read, Hydra's composition, the checks of a job, a sweep and an activation."""
    assert main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"actbench: {sentence}")
    assert err.count("\n") == 1
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


def test_a_job_does_not_depend_on_those_before_it():
    """Jobs that differ in values are composed once; what one sets stays its own."""
    lines = [["+act=elu"], ["+act=elu", "act.alpha=2.0", "seed=5"], ["act_by_layer=[relu,relu,tanh]"], ["+act=mish"]]
    first = [compose.job_from(line) for line in lines]
    assert [compose.job_from(line) for line in reversed(lines)] == first[::-1]
    assert [(job.choices["act"], job.config.seed) for job in first] == [
        ("elu", 0), ("elu", 5), ("by_layer", 0), ("mish", 0),
    ]  # fmt: skip


def test_one_job_has_one_value_of_each_key():
    with pytest.raises(ConfigError, match=r"^seed has several values, but this is one run: give one of them\.$"):
        compose.job_from(["-m", "+act=relu", "seed=1,2"])


def test_a_sweep_is_the_product_of_its_axes():
    jobs = commands.jobs("+act=elu", "act.alpha=0.1,0.5,1.0", "seed=range(0,20,10)")
    assert [(job.config.act.alpha, job.config.seed) for job in jobs] == [
        (0.1, 0), (0.1, 10), (0.5, 0), (0.5, 10), (1.0, 0), (1.0, 10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fixed", "axes"),
    [
        ([], {"+act": ["relu", "elu"], "init": ["torch", "lsuv"], "norm": ["none", "batch"]}),
        (["act.alpha=0.3"], {"+act": ["elu", "celu"], "optim.lr": ["0.1", "0.01"]}),
        # it sets data.target_loss
        (["+experiment=mean_drift_trained", "norm=none"], {"+act": ["relu", "elu"], "data": ["digits", "mnist"]}),
    ],
)
def test_a_job_of_a_sweep_or_alone_is_what_hydra_composes_for_a_single_run(fixed, axes):
    jobs = commands.jobs(*fixed, *(f"{key}={','.join(values)}" for key, values in axes.items()))
    combinations = list(itertools.product(*axes.values()))
    assert len(jobs) == len(combinations)
    for job, values in zip(jobs, combinations, strict=True):
        line = [f"{key}={value}" for key, value in zip(axes, values, strict=True)]
        with initialize_config_dir(version_base="1.3", config_dir=str(CONF)):
            composed = hydra_compose("config", [*fixed, *line], return_hydra_config=True)
        assert job == compose.job_from([*fixed, *line])
        assert {group: composed.hydra.runtime.choices[group] for group in job.choices} == job.choices
        assert OmegaConf.to_container(job.config) == {
            key: value for key, value in OmegaConf.to_container(composed, resolve=True).items() if key != "hydra"
        }


@pytest.mark.parametrize(
    ("line", "for_hydra"),
    [
        ("-m +act=elu,celu act.alpha=0.5 model.width=16", "-m +act=elu,celu ++act.alpha=0.5 ++model.width=16"),
        ("act=custom act._target_=mine.f +act.alpha=0.5", "act=custom ++act._target_=mine.f ++act.alpha=0.5"),
        ("-m +act=elu ++act.alpha=1,2", "-m +act=elu ++act.alpha=1,2"),
        (
            "+act=elu hydra/launcher=ray hydra.launcher.num_cpus=2",
            "+act=elu hydra/launcher=ray hydra.launcher.num_cpus=2",
        ),
        ("+experiment=elu_alpha", "-m +experiment=elu_alpha"),
        ("+experiment=elu_alpha --cfg job", "+experiment=elu_alpha --cfg job"),
        ("+experiment=digits_mlp act.alpha=2", "-m +experiment=digits_mlp ++act.alpha=2"),
        ("+act=elu epochs", "+act=elu epochs"),
    ],
)
def test_every_key_of_a_run_is_set_by_force(line, for_hydra):
    """Hydra rejects act.alpha=0.5 in the sweep's base config, where no activation is chosen yet."""
    assert hydra_arguments(line.split()) == for_hydra.split()


@pytest.mark.parametrize("sign", ["", "+", "++"])
def test_the_plus_sign_of_a_key_may_be_given_or_left_out(sign):
    overrides = ["+act=elu", "act.alpha=0.5", "train.epochs=3"]
    assert compose.job_from([overrides[0], *(f"{sign}{text}" for text in overrides[1:])]) == compose.job_from(overrides)
    custom = ["act=custom", "act._target_=mine.f", f"{sign}act.alpha=0.5"]
    assert compose.job_from(custom).config.act.alpha == 0.5
    assert [job.config.act.alpha for job in commands.jobs("+act=elu", f"{sign}act.alpha=0.1,0.2")] == [0.1, 0.2]


def test_a_fixed_key_of_a_swept_group_is_set_in_each_job():
    jobs = commands.jobs("+act=elu,celu", "act.alpha=0.5")
    assert [(job.choices["act"], job.config.act.alpha) for job in jobs] == [("elu", 0.5), ("celu", 0.5)]


def test_glob_takes_every_activation_and_no_other():
    jobs = commands.jobs("+act=glob(*)")
    assert [job.choices["act"] for job in jobs] == list(options("act"))


def test_the_command_line_replaces_an_axis_of_an_experiment():
    jobs = commands.jobs("+experiment=digits_mlp", "act=relu,elu", "track=shared", "train.epochs=1")
    assert [job.choices["act"] for job in jobs] == ["relu", "elu"]
    assert {job.config.train.epochs for job in jobs} == {1}
    assert {str(job.folder) for job in jobs} == {"results/digits_mlp"}


def test_a_named_folder_wins_over_the_experiment():
    job = compose.job_from(["+act=mish", "output.root=out", "output.name=mine"])
    assert str(job.folder) == "out/mine"


def test_a_number_may_name_a_results_folder():
    assert str(compose.job_from(["+act=mish", "output.name=2024"]).folder) == "results/2024"


# Each form that Hydra 1.3 documents for an override, once: what it gives, or the sentence that ends it.
@pytest.mark.parametrize(
    ("line", "key", "values"),
    [
        ("model.width=8,16", "model.width", [8, 16]),
        ("model.width=choice(8,16)", "model.width", [8, 16]),
        ("seed=range(3)", "seed", [0, 1, 2]),
        ("seed=range(4,0,-2)", "seed", [4, 2]),
        ("seed=sort(3,1,2)", "seed", [1, 2, 3]),
        ("seed=sort(3,1,2,reverse=true)", "seed", [3, 2, 1]),
        ("seed=int(choice(1,2))", "seed", [1, 2]),
        ("seed=tag(a,b,choice(1,2))", "seed", [1, 2]),
        ("seed=int(3.7)", "seed", [3]),
        ("seed=${num_seeds}", "seed", [10]),
        ("++seed=5", "seed", [5]),
        ("train={epochs:3,batch_size:32}", "train.epochs", [3]),
        ("train={epochs:3},{epochs:4}", "train.epochs", [3, 4]),
        ("output.name='a b','c,d'", "output.name", ["a b", "c,d"]),
        ('output.name="\\"é\\""', "output.name", ['"é"']),
        ("data=glob(*mnist)", "data.num_val", [10000, 10000]),
        ("data=glob([m*,c*],exclude=*0)", "data.num_val", [10000]),
    ],
)
def test_a_form_of_hydras_overrides_gives_jobs(line, key, values):
    jobs = commands.jobs("+act=relu", line)
    assert [OmegaConf.select(job.config, key) for job in jobs] == values


def test_a_shuffled_sweep_has_every_value_once():
    assert sorted(job.config.seed for job in commands.jobs("+act=relu", "seed=shuffle(range(5))")) == [0, 1, 2, 3, 4]
    widths = commands.jobs("+act=relu", "model=cnn", "model.widths=sort([3,1,2])")[0].config.model.widths
    assert list(widths) == [1, 2, 3]


NO_VALUES = "lists no values: name them, as in"
UNREADABLE = "cannot be read: an argument is KEY=VALUE, as in train.epochs=5."


@pytest.mark.parametrize("is_sweep", [True, False])
@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("model.width=interval(8,16)", f"model.width=interval(8,16) {NO_VALUES} model.width=A,B."),
        ("optim.lr=tag(log,interval(0.1,1))", f"optim.lr=tag(log,interval(0.1,1)) {NO_VALUES} optim.lr=A,B."),
        ("seed=range(1,3,0)", f"seed=range(1,3,0) {NO_VALUES} seed=A,B."),
        ("seed=glob(*)", f"seed=glob(*) {NO_VALUES} seed=A,B."),
        ("seed=shuffle()", f"seed=shuffle() {NO_VALUES} seed=A,B."),
        ("seed=null", "seed=null is of the wrong type: it must be a whole number, as 0 is."),
        ("seed=", "seed= is of the wrong type: it must be a whole number, as 0 is."),
        ("seed={a:1}", "There is no key seed.a: did you mean seed?"),
        ("seed=[[1],[2]]", "seed=[[1], [2]] is of the wrong type: it must be a whole number, as 0 is."),
        ("seed='5'", "seed=5 is of the wrong type: it must be a whole number, as 0 is."),
        ("seed=choice(", f"'seed=choice(' {UNREADABLE}"),
        ("seed=nothing(3)", f"'seed=nothing(3)' {UNREADABLE}"),
        ("model.width=extend_list(8)", f"'model.width=extend_list(8)' {UNREADABLE}"),
        ("model@model=mlp", f"'model@model=mlp' {UNREADABLE}"),
        ("+data@data2=mnist", f"'+data@data2=mnist' {UNREADABLE}"),
        ("++model=mlp", f"'++model=mlp' {UNREADABLE}"),
        ("~train.epochs=20", "~train.epochs deletes a key, but each is needed: set it to another value."),
        (
            "seed=${oc.env:NOWHERE}",
            "KeyError raised while resolving interpolation: \"Environment variable 'NOWHERE' not found\"",
        ),
        ("seed=${seed}", "Recursive interpolation detected"),
        ("data=mnist,''", f"There is no data=: known are: {', '.join(options('data'))}."),
        ("data='mnst'", "There is no data=mnst: did you mean mnist?"),
        ("+experiment=glob(elu*)", "An experiment brings its own sweep: give one experiment a command."),
        ("train.epochs.x=5", "There is no key train.epochs.x: did you mean train.epochs?"),
        ("hydra.launcher.n_job=5", "There is no key hydra.launcher.n_job: did you mean hydra.launcher.n_jobs?"),
        ("data.root=5 data=mnist", "data.root=5 is out of range: it must be a folder."),
    ],
)
def test_a_form_that_gives_no_run_ends_with_a_sentence(argument, sentence, is_sweep, tmp_path):
    assert commands.refusal([*["-m"] * is_sweep, "+act=relu", *argument.split()]) == sentence
    assert list(tmp_path.iterdir()) == []


TEXTS = [
    "my data (1)",
    "données",
    "~/runs",
    "a,b",
    "a=b",
    "it's",
    'say "hi"',
    "a#b&c",
    "a\\b)",
    "[",
    "(x)",
    "'a",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("keys", [["output.root", "output.name", "data.root"], ["+output.name", "+data.root"]])
def test_the_sentence_about_a_text_shows_the_quotes_that_it_needs(keys, text):
    words = []
    for key in keys:
        with pytest.raises(ConfigError) as caught:
            compose.job_from(["+act=relu", "data=mnist", f"{key}={text}"])
        words += shlex.split(re.search(r"in quotes of both kinds, (.+)\.$", str(caught.value))[1])
    job = compose.job_from(["+act=relu", "data=mnist", *words])
    assert [OmegaConf.select(job.config, key.lstrip("+")) for key in keys] == [text] * len(keys)


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert compose.job_from(["+act=relu", "output.root='~/r'"]).folder == tmp_path / "home" / "r" / "adhoc"
