"""Where the arithmetic happens, and in which precision."""

from __future__ import annotations

import ctypes
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress

import torch
import torch.nn.functional as F
from torch import Tensor

from tongsu.errors import Problem


def pick_device(name: str) -> torch.device:
    """`auto` takes CUDA, then Apple's MPS, then the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError):
        raise Problem("train.no_device", device=name, cuda=torch.cuda.is_available()) from None
    return device


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Mixed precision where it is faster: bfloat16 on GPUs that have it; CPUs without AMX are slower with it."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported()
    if precision == "bfloat16" or (precision == "auto" and able):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def seed_all(seed: int, deterministic: bool = False) -> None:
    random.seed(seed)
    torch.manual_seed(seed)
    if deterministic:  # cuBLAS adds up in a fixed order only with a workspace of its own, and torch insists on it
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if deterministic != torch.are_deterministic_algorithms_enabled():  # to set it imports a compiler, to ask does not
        torch.use_deterministic_algorithms(deterministic)


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def keep_memory() -> None:
    """Each update asks for the same large blocks as the one before; glibc would give them back to the system in
    between, and every page of them would have to be fetched anew. Elsewhere this does nothing. Figures: LOG.md."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            libc = ctypes.CDLL(None)
            libc.mallopt(M_MMAP_THRESHOLD, 32 * 2**20)  # the most that glibc allows
            libc.mallopt(M_TRIM_THRESHOLD, 2**30)


def matmul_speed(device: torch.device, size: int = 1024, seconds: float = 0.3) -> float:
    """Operations a second of products of float32 matrices, 2 n^3 each: the best of those that fit into the time.

    On a CPU the same product is also asked of the library of the convolutions, as one with kernels of a single pixel:
    on some processors its instructions are wider than those that `@` is given, and no share should be above 100 %.
    """
    a, b = torch.randn(size, size, device=device), torch.randn(size, size, device=device)
    products: list[Callable[[], Tensor]] = [lambda: (a @ b)[0, 0]]
    if device.type == "cpu":
        pixels = a.view(1, 1, size, size).permute(0, 3, 1, 2)  # (1, C, 1, S), stored channels last
        kernels = b.T.contiguous().view(size, size, 1, 1)  # (F, C, 1, 1)
        products.append(lambda: F.conv2d(pixels, kernels)[0, 0, 0, 0])
    best = float("inf")
    for product in products:
        product().item()
        end = time.perf_counter() + seconds / len(products)
        while (began := time.perf_counter()) < end:
            product().item()  # waits for the device
            best = min(best, time.perf_counter() - began)
    return 2 * size**3 / best
