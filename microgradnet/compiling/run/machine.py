"""LLVM's text into machine code, by llvmlite; kept on disk by content (``code_cache``).

The name of what is kept is a hash of the text, the processor and the version of LLVM.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from ctypes.util import find_library
from functools import cache
from threading import RLock
from typing import Any

from ..._extras import needed
from ..._processes import at_fork
from .code_cache import keep, kept

__all__ = ['Machine', 'lanes_of_the_processor', 'llvm']


class Machine:
    """Functions in machine code; ``machine[name]`` is the address of one. They live as long as this object.

    They may call functions of the C library, ``symbols``, and those of ``others``, which must live as long.
    """

    def __init__(
        self, text: str, symbols: Iterable[str], loops: bool = False, others: Iterable[tuple[str, Machine]] = ()
    ) -> None:
        binding = llvm()
        for name in symbols:
            binding.add_symbol(name, _address(name))
        for name, other in others:
            binding.add_symbol(name, other[name])
        name, features = _processor()
        about = '\n'.join([name, features, str(binding.llvm_version_info), sys.platform, text])
        self.key = hashlib.sha256(about.encode()).hexdigest()
        target = binding.Target.from_default_triple().create_target_machine(
            cpu=name, features=features, opt=2, jit=True
        )
        stored = kept(self.key)  # if it is whole: LLVM ends the process over a damaged one
        module = binding.parse_assembly(text if stored is None else '')  # of code that is there the text is not read
        self.from_cache = stored is not None
        if stored is None:
            passes = binding.create_new_module_pass_manager()
            passes.add_global_dead_code_eliminate_pass()  # what nobody asks for gets no copies of what it calls
            passes.add_always_inliner_pass()
            passes.add_sroa_pass()
            if loops:  # the few passes that loops gain by; a whole pipeline would take ten times as long
                passes.add_simplify_cfg_pass()
                passes.add_instruction_combine_pass()
                passes.add_loop_rotate_pass()
                passes.add_loop_unroll_pass()
                passes.add_simplify_cfg_pass()
                passes.add_instruction_combine_pass()
            passes.run(module, binding.create_pass_builder(target, binding.create_pipeline_tuning_options(2)))
        self.engine = binding.create_mcjit_compiler(module, target)
        self.engine.set_object_cache(self._keep, lambda module: stored)
        self.engine.finalize_object()

    def __getitem__(self, name: str) -> int:
        return self.engine.get_function_address(name)  # type: ignore[no-any-return]

    def _keep(self, module: Any, data: bytes) -> None:
        keep(self.key, data)


#: What is held while LLVM is loaded and, from then on, llvmlite's lock, which is held while LLVM does anything.
_at_rest: list[Any] = [RLock()]
_held = ExitStack()


def _hold() -> None:
    """Wait until LLVM is at rest: a child that is forked in the middle of a call has memory that is half written."""
    for lock in _at_rest:  # which may grow while the first one is waited for
        _held.enter_context(lock)


at_fork(before=_hold, after_in_parent=_held.close, after_in_child=_held.close)


@cache
def llvm() -> Any:
    """Return llvmlite's binding, ready to compile; raise ImportError, naming the extra, where it is missing."""
    with _at_rest[0]:
        instead = "compile with backend='numpy' or 'python'"
        binding = needed('llvmlite.binding', 'the native backend', instead=instead)
        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        if len(_at_rest) == 1:
            _at_rest.append(needed('llvmlite.binding.ffi').lib._lock)
    return binding


@cache
def _processor() -> tuple[str, str]:
    """Return what LLVM calls this machine's processor, and all that it can do."""
    binding = llvm()
    return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


@cache
def lanes_of_the_processor() -> int:
    """Return how many float64 numbers a vector register of this machine holds: 8, 4 or 2."""
    features = llvm().get_host_cpu_features()
    return 8 if features.get('avx512f') else 4 if features.get('avx') else 2


@cache
def _address(name: str) -> int:
    """Return the address of a function of the C library, or of Python's."""
    library = ctypes.pythonapi if name.startswith('Py') else ctypes.CDLL(find_library('m') or None)
    return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
