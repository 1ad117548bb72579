"""Every launcher runs the same small sweep of a user's own activation, and its workers end with the command."""

import importlib.util
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

import commands
import pytest
import torch
from omegaconf import OmegaConf

from actbench.__main__ import main
from actbench.command import compose
from actbench.command.options import ConfigError
from actbench.measure import preflight
from actbench.sweep import launch, progress
from actbench.tables import atomic, store

SMALL = ["num_seeds=1", "train.epochs=1", "data.num_train=64", "data.num_val=100", "model.width=8",
         "model.depth=1", "probes=none"]  # fmt: skip
pytestmark = pytest.mark.usefixtures("undrawn")
# Each worker records its process, its parent and its number of threads, and waits until a second worker has begun.
MINE = """
import os, time, torch
def one(z):
    if z.requires_grad and len(z) == 64:
        with open("workers.txt", "a") as file:
            file.write(f"{os.getpid()} {os.getppid()} {torch.get_num_threads()}\\n")
        end = time.monotonic() + 300
        while len({line.split()[0] for line in open("workers.txt")}) < 2:
            assert time.monotonic() < end, "no other worker"
            time.sleep(.1)
    return z.relu()
def two(z):
    return one(z).square()
def slow(z):
    a = one(z)
    if z.requires_grad and len(z) == 64:
        time.sleep(600)
    return a
def once(z):
    if z.requires_grad and len(z) == 64 and not os.path.exists("begun"):
        with open("begun", "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
    return z.relu()
"""


def _needs(package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed: pip install -e '.[{package}]'.")


@pytest.fixture
def _isolated(tmp_path, monkeypatch):
    """Records of Hydra and submitit go into this test's folder, and new processes find this checkout."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell and their children ignore it
    Path("mine.py").write_text(MINE)
    monkeypatch.setenv("HOME", str(tmp_path))
    ray = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}  # for these clusters
    for name, value in ray.items():
        monkeypatch.setenv(name, value)
    checkout = str(Path(compose.__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([checkout, os.environ.get("PYTHONPATH", "")]))


@pytest.fixture
def cluster(_isolated, tmp_path_factory, monkeypatch) -> Iterator[str]:
    """The address of a Ray cluster of two nodes with one core each, started in another folder than the command."""
    from ray.cluster_utils import Cluster

    with monkeypatch.context() as elsewhere:
        elsewhere.chdir(tmp_path_factory.mktemp("nodes"))
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        nodes.add_node(num_cpus=1)
        nodes.wait_for_nodes()
    yield nodes.address
    nodes.shutdown()


def _command(*launcher: str, act: str) -> subprocess.Popen:
    """Start the sweep in a session of its own, as a terminal does."""
    return subprocess.Popen(
        [sys.executable, "-m", "actbench", "-m", "+act=custom", f"act._target_={act}", "seed=0,1", *SMALL, *launcher],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def _workers() -> list[tuple[int, ...]]:
    """Process, parent and number of threads of each worker that has begun."""
    path = Path("workers.txt")
    return sorted({tuple(map(int, line.split())) for line in path.read_text().splitlines()} if path.is_file() else ())


def _sweep(*launcher: str) -> list[tuple[int, ...]]:
    """Run the sweep to its end: every run lands and each worker has one thread. Returns the workers."""
    command = _command(*launcher, act="mine.one,mine.two")
    out, err = command.communicate(timeout=900)
    assert (command.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "Report: results/adhoc/report.html"
    runs = store.collect("results/adhoc").runs
    assert sorted(zip(runs["act"], runs["seed"], strict=True)) == [("one", 0), ("one", 1), ("two", 0), ("two", 1)]
    assert set(runs["status"]) == {"done"}
    assert not list(Path("results").rglob(".*"))
    assert {threads for _, _, threads in _workers()} == {1}
    return _workers()


@pytest.mark.slow
@pytest.mark.usefixtures("_isolated")
@pytest.mark.parametrize(
    ("launcher", "num_workers"),
    [
        ("hydra.launcher.n_jobs=2", {2}),
        pytest.param("hydra/launcher=submitit_local hydra.sweeper.max_batch_size=2", {4}, marks=_needs("submitit")),
        pytest.param("hydra/launcher=ray", {2, 3, 4}, marks=_needs("ray")),
    ],
    ids=["joblib", "submitit", "ray"],
)
def test_a_launcher_runs_a_sweep_on_this_machine(launcher, num_workers):
    assert len(_sweep(*launcher.split())) in num_workers


@pytest.mark.slow
@pytest.mark.usefixtures("_isolated")
@_needs("submitit")
def test_a_preempted_job_is_queued_again():
    """The signal that submitit has Slurm send stops the job; the run has not failed."""
    command = _command("hydra/launcher=submitit_local", act="mine.once")
    _wait_until(lambda: (Path("begun").is_file() and Path("begun").read_text()) or command.poll() is not None)
    os.kill(int(Path("begun").read_text()), signal.SIGUSR2)
    out, err = command.communicate(timeout=300)
    assert (command.returncode, err) == (0, "")
    assert out.splitlines()[-1] == "Report: results/adhoc/report.html"
    assert list(store.collect("results/adhoc").runs["status"]) == ["done", "done"]
    assert not list(Path("results/adhoc/runs").glob("*.failed"))


# submitit renames the script once this returns, so the jobs run the copy.
SBATCH = """#!/bin/sh
cp "$1" batch.txt
for i in 0 1 2 3; do
    SLURM_JOB_ID=7$i SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=$i SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 \
    SLURM_PROCID=0 SLURM_LOCALID=0 SLURM_JOB_NODELIST=here sh batch.txt >log.txt 2>&1 &
done
echo Submitted batch job 7
"""
SRUN = f"""#!/bin/sh\nwhile [ "$1" != {sys.executable} ]; do shift; done\nexec "$@"\n"""
SACCT = "#!/bin/sh\necho 'JobID|State|NodeList'\n"


@pytest.mark.slow
@pytest.mark.usefixtures("_isolated")
@_needs("submitit")
def test_the_slurm_example_submits_its_options_and_runs(monkeypatch, tmp_path):
    """Stand-ins for Slurm's commands record the batch script and run its jobs."""
    Path("bin").mkdir()
    for name, text in {"sbatch": SBATCH, "srun": SRUN, "sacct": SACCT}.items():
        Path("bin", name).write_text(text)
        Path("bin", name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert len(_sweep("hydra/launcher=slurm", "hydra.launcher.partition=short")) == 4
    options = {line.removeprefix("#SBATCH --") for line in Path("batch.txt").read_text().splitlines()}
    assert {"array=0-3%4", "cpus-per-task=1", "mem=4GB", "time=240", "partition=short", "nodes=1"} <= options


@pytest.mark.slow
@_needs("ray")
def test_ray_uses_both_nodes_of_a_cluster(cluster):
    """The workers have two parents, since each node starts its own."""
    workers = _sweep("hydra/launcher=ray", f"hydra.launcher.address={cluster}")
    assert len({parent for _, parent, _ in workers}) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "signal_number"),
    [
        ("joblib", signal.SIGINT),
        ("joblib", signal.SIGTERM),
        ("joblib", signal.SIGKILL),
        pytest.param("submitit_local", signal.SIGINT, marks=_needs("submitit")),
        pytest.param("ray", signal.SIGINT, marks=_needs("ray")),
        pytest.param("ray", signal.SIGTERM, marks=_needs("ray")),
        pytest.param("ray", signal.SIGKILL, marks=_needs("ray")),
    ],
)
@pytest.mark.usefixtures("_isolated")
def test_workers_end_with_the_command(launcher, signal_number):
    """Ctrl-C reaches all processes of the terminal, another signal the command alone."""
    _assert_workers_end(_command(f"hydra/launcher={launcher}", act="mine.slow"), signal_number)


@pytest.mark.slow
@_needs("ray")
def test_workers_on_a_cluster_end_with_the_command(cluster):
    command = _command("hydra/launcher=ray", f"hydra.launcher.address={cluster}", act="mine.slow")
    _assert_workers_end(command, signal.SIGKILL)


def _assert_workers_end(command: subprocess.Popen, signal_number: signal.Signals) -> None:
    """Stop a command once its two workers have begun: they end too."""
    _wait_until(lambda: len(_workers()) == 2 or command.poll() is not None)
    assert command.poll() is None, command.communicate()
    (os.killpg if signal_number == signal.SIGINT else os.kill)(command.pid, signal_number)
    _, err = command.communicate(timeout=120)
    if signal_number != signal.SIGKILL:
        sentence = "actbench: Stopped. 0 of 2 runs are measured and kept: the same command goes on from there."
        assert sentence in err.splitlines()  # submitit prints lines of its own
        assert "leaked" not in err, "a semaphore of a worker"
    assert command.returncode == (-signal_number if signal_number == signal.SIGKILL else 128 + signal_number)
    _wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid, _, _ in _workers()))


def _wait_until(condition) -> None:
    end = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


class _Ray(types.ModuleType):
    """The functions of Ray that the launcher calls, in this process; `calls` records their arguments."""

    def __init__(self):
        super().__init__("ray")
        self.__spec__, self.calls = ModuleSpec("ray", None), []

    def init(self, address, **options):
        self.calls.append(address)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append("left")

    def remote(self, **resources):
        self.calls.append(resources)
        return lambda function: types.SimpleNamespace(remote=function)

    def put(self, value):
        return value

    get = put


@pytest.fixture
def ray(monkeypatch) -> _Ray:
    fake = _Ray()
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def test_the_ray_launcher_asks_for_the_resources_of_a_run(ray):
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        launcher = ["hydra/launcher=ray", f"hydra.launcher.address={address}", "hydra.launcher.num_gpus=0.5"]
        assert main(["-m", "+act=relu,tanh", "threads=2", *launcher, *SMALL]) == 0
    assert ray.calls == [address, {"num_cpus": 2, "num_gpus": 0.5}, "left"]
    assert list(store.collect("results/adhoc").runs["status"]) == ["done", "done"]


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere"])
def test_an_address_without_a_cluster_is_one_sentence(address, ray, capsys):
    launcher = ["hydra/launcher=ray", f"hydra.launcher.address={address}"]
    assert main(["-m", "+act=relu", "device=cpu", *launcher, *SMALL]) == 2
    assert ray.calls == []
    assert capsys.readouterr() == (
        "Sweep: 1 run; each threads=1, device=cpu.\n",
        f"actbench: No Ray cluster answers at hydra.launcher.address={address}: start one with ray start --head and "
        "give the HOST:PORT of its head, or leave the address out.\n",
    )


@pytest.mark.parametrize(
    ("device", "override"), [([], ["device=cpu"]), (["device=cpu"], []), (["device=auto,cpu"], [])]
)
def test_a_sweep_resolves_device_auto_once(device, override, monkeypatch):
    """Its workers might see other devices than the command."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    _, jobs = commands.sweep("+act=relu", *device, *SMALL)
    assert launch.device_override(jobs) == override


@pytest.mark.parametrize(("threads", "cores", "workers"), [(1, 2, 2), (2, 2, 1), (2, 5, 2), (4, 2, 1)])
def test_workers_share_the_cores_by_their_threads(threads, cores, workers, monkeypatch):
    monkeypatch.setattr("joblib.cpu_count", lambda: cores)
    for launcher in ([], ["hydra/launcher=joblib", "hydra.launcher.verbose=1"]):
        hydra, jobs = commands.sweep("+act=relu,tanh", "device=cpu", f"threads={threads}", *launcher)
        launch.set_launcher(hydra, jobs)
        assert hydra.launcher.n_jobs == workers


def test_the_commands_number_of_workers_is_kept():
    hydra, jobs = commands.sweep("+act=relu,tanh", "device=cpu", "hydra.launcher.n_jobs=7")
    launch.set_launcher(hydra, jobs)
    assert hydra.launcher.n_jobs == 7
    hydra, jobs = commands.sweep("+act=relu,tanh", "device=cpu", "hydra/launcher=basic")
    launch.set_launcher(hydra, jobs)
    assert "n_jobs" not in hydra.launcher


@_needs("submitit")
def test_submitit_has_a_folder_of_its_own_for_each_local_command():
    """submitit names jobs by process ID, and two containers with one home folder may use the same ID."""
    folders = []
    for _ in range(2):
        hydra, jobs = commands.sweep("+act=relu", "hydra/launcher=submitit_local")
        launch.set_launcher(hydra, jobs)
        folders.append(OmegaConf.to_container(hydra.launcher)["submitit_folder"])
    pattern = rf"\$\{{hydra\.sweep\.dir\}}/\.submitit/{re.escape(atomic.HERE)}\.{os.getpid()}\.\d+/%j"
    assert all(re.fullmatch(pattern, folder) for folder in folders)
    assert folders[0] != folders[1]
    hydra, jobs = commands.sweep("+act=relu", "hydra/launcher=submitit_local", "hydra.launcher.submitit_folder=mine")
    launch.set_launcher(hydra, jobs)
    assert hydra.launcher.submitit_folder == "mine"


def test_a_worker_without_the_device_is_one_sentence(monkeypatch, capsys):
    """submitit's workers, for instance, are given a GPU only if the launcher asks for one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(preflight, "check", lambda jobs, **options: None)  # the command's machine has a GPU
    monkeypatch.setattr(preflight, "_is_available", lambda device: False)
    monkeypatch.setattr(progress, "run_id", lambda job: "relu-000000000000")
    assert main(["-m", "+act=relu", "hydra/launcher=basic", *SMALL]) == 2
    out, err = capsys.readouterr()
    assert out == "Sweep: 1 run; each threads=1, device=cuda.\n"
    assert err == (
        f"actbench: device=cuda, but torch finds none in a worker on {platform.node()}: have the launcher give it one "
        "(hydra.launcher.gpus_per_node=1, with Ray hydra.launcher.num_gpus=1), or give device=cpu.\n"
    )


@pytest.mark.parametrize(
    ("launcher", "elsewhere"),
    [
        pytest.param(["hydra/launcher=slurm"], True, marks=_needs("submitit")),
        pytest.param(["hydra/launcher=submitit_slurm"], True, marks=_needs("submitit")),
        (["hydra/launcher=ray", "hydra.launcher.address=head:6379"], True),
        (["hydra/launcher=ray"], False),
        pytest.param(["hydra/launcher=submitit_local"], False, marks=_needs("submitit")),
        ([], False),
    ],
)
def test_the_devices_of_other_machines_are_not_looked_for_here(launcher, elsewhere, monkeypatch):
    """The command may run on a machine without a GPU; each worker looks for the device itself."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: ModuleSpec(name, None))
    monkeypatch.setattr(preflight, "_is_available", lambda device: device != "cuda")
    hydra, jobs = commands.sweep("+act=relu", "device=cuda", *SMALL, *launcher)
    assert launch.is_elsewhere(hydra) == elsewhere
    preflight.check(jobs, elsewhere=True)
    with pytest.raises(ConfigError, match="device=cuda, but torch finds no such device here"):
        preflight.check(jobs)


@pytest.mark.parametrize(
    ("launcher", "package"), [("slurm", "submitit"), ("submitit_local", "submitit"), ("ray", "ray")]
)
def test_a_launcher_that_is_not_installed_is_one_sentence(launcher, package, capsys):
    if importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed.")
    assert main(["-m", "+act=relu,tanh", f"hydra/launcher={launcher}", *SMALL]) == 2
    assert capsys.readouterr().err == (
        f"actbench: hydra/launcher={launcher} needs the package {package}, which is not installed: "
        f"pip install -e '.[{package}]'.\n"
    )
