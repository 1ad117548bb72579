"""What a user's file may change of the process at its top, and how the result is read."""

import os
import random
import warnings

import numpy as np
import torch

CHANGES = {
    "torch.set_default_dtype(torch.float64)": torch.get_default_dtype,
    "torch.set_default_device('meta')": torch.get_default_device,
    "torch.set_grad_enabled(False)": torch.is_grad_enabled,
    "torch.set_num_threads(torch.get_num_threads() + 1)": torch.get_num_threads,
    "torch.use_deterministic_algorithms(True)": torch.are_deterministic_algorithms_enabled,
    "torch.use_deterministic_algorithms(True, warn_only=True)": torch.get_deterministic_debug_mode,
    "torch.set_float32_matmul_precision('medium')": torch.get_float32_matmul_precision,
    "torch.autograd.set_detect_anomaly(True)": torch.is_anomaly_enabled,
    "torch.set_flush_denormal(True)": lambda: float(torch.tensor(1e-40) * 1),
    "torch.set_autocast_enabled('cpu', True)": lambda: torch.is_autocast_enabled("cpu"),
    "torch.backends.cudnn.benchmark = True": lambda: torch.backends.cudnn.benchmark,
    "torch.backends.cudnn.deterministic = True": lambda: torch.backends.cudnn.deterministic,
    "torch.backends.cudnn.enabled = False": lambda: torch.backends.cudnn.enabled,
    "torch.manual_seed(0)": lambda: torch.get_rng_state().tolist(),
    "torch.rand(3)": lambda: torch.get_rng_state().tolist(),
    "np.random.seed(0)": lambda: np.random.get_state()[1].tolist(),  # noqa: NPY002
    "np.seterr(all='raise')": np.geterr,
    "random.seed(0)": random.getstate,
    "warnings.simplefilter('ignore')": lambda: list(warnings.filters),
    "warnings.resetwarnings()": lambda: list(warnings.filters),
    "os.chdir('/')": os.getcwd,
}
IMPORTS = "import os, random, warnings\nimport numpy as np\nimport torch\n"
