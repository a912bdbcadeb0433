"""What a net costs on processors without floating point: flash, instructions on a Cortex-M0, cycles on an AVR.

    python tests/benchmarks/microcontroller.py

prints the table of ``docs/how-to/microcontrollers.md``. Nothing is timed: instructions are counted by QEMU
(``gcc-arm-none-eabi``, ``libnewlib-arm-none-eabi``, ``qemu-user``), cycles by simavr (``gcc-avr``, ``avr-libc``,
``simavr``). What is not installed is left out, as is what does not fit into the processor.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from random import Random
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent.parent)]

from microgradnet import MLP, TeacherSet, cross_entropy, train  # noqa: E402

ARM = r"""
#include "net.c"
volatile TYPE row[WIDTH], sink;
void _start(void)
{
    TYPE given[WIDTH], outputs[COUNT];
    for (int t = 0; t < TIMES; t++) {
        for (int k = 0; k < WIDTH; k++) given[k] = row[k];
        net_predict(given, outputs);
        for (int k = 0; k < COUNT; k++) sink = outputs[k];
    }
    register int call __asm__("r7") = 1;
    register int code __asm__("r0") = 0;
    __asm__ volatile("svc 0" :: "r"(call), "r"(code));
}
"""
AVR = r"""
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <stdio.h>
#include "net.c"
static int put(char c, FILE *file)
{
    (void)file;
    while (!(UCSR0A & (1 << UDRE0))) ;
    UDR0 = c;
    return 0;
}
static FILE out = FDEV_SETUP_STREAM(put, NULL, _FDEV_SETUP_WRITE);
int main(void)
{
    TYPE given[WIDTH], outputs[COUNT];
    volatile TYPE sink, number = 20;
    UCSR0B = 1 << TXEN0;
    stdout = &out;
    for (int k = 0; k < WIDTH; k++) given[k] = number;
    TCCR1A = 0;
    TCCR1B = 2; /* every eighth cycle */
    TCNT1 = 0;
    __asm__ volatile("" ::: "memory");
    net_predict(given, outputs);
    __asm__ volatile("" ::: "memory");
    const uint16_t eighths = TCNT1;
    for (int k = 0; k < COUNT; k++) sink = outputs[k];
    printf("cycles %lu\n", 8UL * eighths);
    cli();
    sleep_mode();
}
"""


def nets() -> dict[str, tuple[MLP, list[list[float]]]]:
    """Make the nets, each with examples."""
    lengths, widths = [1.4, 1.3, 1.7, 4.7, 4.0, 4.5, 6.0, 5.1, 5.9], [0.2, 0.3, 0.4, 1.4, 1.3, 1.5, 2.5, 1.9, 2.1]
    petals = [[*pair] for pair in zip(lengths, widths)]
    flowers = TeacherSet(petals, [kind for kind in ('setosa', 'versicolor', 'virginica') for _ in range(3)],
                         standardise=True)  # fmt: skip
    irises = MLP(2, [4, 3], activation='tanh', seed=1)
    train(irises, flowers, learning_rate=0.5, epochs=100, error=cross_entropy)
    random = Random(0)
    rows = [[random.gauss(0, 1) for _ in range(16)] for _ in range(200)]
    return {
        '2-4-3, tanh, standardised': (irises, petals),
        '16-16-4, tanh': (MLP(16, [16, 4], activation='tanh', seed=1), rows),
        '16-16-4, relu': (MLP(16, [16, 4], activation='relu', seed=1), rows),
    }


def run(folder: Path, *command: str) -> str | None:
    """Return what a command says, or None where it fails, or finds no end: a stack has run into the data."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        return None
    return None if done.returncode else (done.stdout + done.stderr).decode('latin-1')


def on_arm(folder: Path, options: list[str]) -> tuple[str, str]:
    """Return the flash and the instructions of one row."""
    if not (which('arm-none-eabi-gcc') and which('qemu-arm')):
        return '', ''
    counts, flash = [], ''
    for times in 1, 2:
        command = ['arm-none-eabi-gcc', '-mcpu=cortex-m0', '-mthumb', '-O2', '-std=gnu99', '-nostartfiles', *options]
        if run(folder, *command, f'-DTIMES={times}', 'arm.c', '-lm', '-o', 'net.elf') is None:
            return '', ''
        run(folder, 'qemu-arm', '-cpu', 'cortex-a15', '-singlestep', '-d', 'exec,nochain', '-D', 'log', 'net.elf')
        counts.append((folder / 'log').read_text('latin-1').count('Trace'))
        sizes = run(folder, 'arm-none-eabi-size', 'net.elf') or ''
        flash = flash or f'{sum(map(int, sizes.splitlines()[1].split()[:2])):,}'
    return flash, f'{counts[1] - counts[0]:,}'


def on_avr(folder: Path, options: list[str]) -> str:
    """Return the cycles of one row."""
    command = ['avr-gcc', '-mmcu=atmega328p', '-O2', '-std=gnu99', *options, 'avr.c', '-lm', '-o', 'avr.elf']
    if not (which('avr-gcc') and which('simavr')) or run(folder, *command) is None:
        return ''
    said = run(folder, 'simavr', '-m', 'atmega328p', '-f', '16000000', 'avr.elf') or ''
    found = re.search(r'cycles (\d+)', said)
    return f'{int(found[1]):,}' if found else ''


def main() -> None:
    print('| net | numbers | flash, M0 | instructions, M0 | cycles, AVR | off by, measured |')
    print('|---|---|---|---|---|---|')
    for name, (net, rows) in nets().items():
        ways: dict[str, tuple[str, dict[str, Any]]] = {
            'float32=True': ('float', {'float32': True}),
            **{f"'int{bits}'": (f'int{bits}_t', {'fixed_point': f'int{bits}', 'examples': rows}) for bits in (16, 8)},
        }
        for way, (kind, how) in ways.items():
            text = net.to_c(**how)
            found = re.search(r'examples by ([^,]*),', text)
            options = [f'-DTYPE={kind}', f'-DWIDTH={net.inputs}', f'-DCOUNT={net.sizes[-1]}']
            with TemporaryDirectory() as place:
                folder = Path(place)
                for file, content in ('net.c', text), ('arm.c', ARM), ('avr.c', AVR):
                    (folder / file).write_text(content, 'utf-8')
                (flash, instructions), cycles = on_arm(folder, options), on_avr(folder, options)
            off = found[1] if found else ''
            print(f'| {name} | `{way}` | {flash} | {instructions} | {cycles} | {off} |', flush=True)


if __name__ == '__main__':
    main()
