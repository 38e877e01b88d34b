"""Running commands in turn, and printing tables."""
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / "build"
TACHYSCOPE = str(BUILD / "tachyscope")
STAGES = str(BUILD / "bench/bench-stages")
CORES = len(os.sched_getaffinity(0))


def output(*command):
    """What a command prints on standard output; ends the run when it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command[:4]))} …: {done.stderr[-2000:]}")
    return done.stdout


def run_alone(command):
    """Seconds, CPU seconds and peak MB (of its largest process) of a command, a list of words or a
    line for the shell."""
    # A process of its own, so that the peak is that of this command and what it starts.
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        start = time.monotonic()
        child = subprocess.run(command, shell=isinstance(command, str), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        wall = time.monotonic() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        with os.fdopen(writer, "w") as out:
            out.write(f"{child.returncode} {wall} {usage.ru_utime + usage.ru_stime} "
                      f"{usage.ru_maxrss / 1024}\n{child.stderr.decode(errors='replace')[-2000:]}")
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        first, _, error = answer.read().partition("\n")
    os.waitpid(pid, 0)
    status, wall, cpu, peak = first.split()
    if status != "0":
        sys.exit(f"{command if isinstance(command, str) else ' '.join(map(str, command[:4]))} …: {error}")
    return {"wall": float(wall), "cpu": float(cpu), "mb": float(peak)}


def in_turn(commands, pairs, warm_up=True):
    """Runs the commands A B A B …, after one uncounted round; name -> list of figures."""
    runs = {name: [] for name in commands}
    for number in range(-1 if warm_up else 0, pairs):
        for name, command in commands.items():
            figures = run_alone(command)
            if number >= 0:
                runs[name].append(figures)
    return runs


def median(runs, what):
    return statistics.median(run[what] for run in runs)


def ratio(theirs, ours, what="wall"):
    """How many times as much they take, pair by pair."""
    return statistics.median(a[what] / b[what] for a, b in zip(theirs, ours))


def heading(text):
    print(f"\n### {text}\n", flush=True)


def table(header, rows):
    rows = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    print(flush=True)


def comparison(runs, files, more=None):
    """A row for each command: figures, the film's bytes, further columns (heading -> name -> text), and
    how much longer it takes than the first."""
    more = more or {}
    first = next(iter(runs))
    table(["", "seconds", "CPU s", "peak MB", "bytes", *more, "tachyscope is faster by"],
          [[name, f"{median(runs[name], 'wall'):.2f}", f"{median(runs[name], 'cpu'):.2f}",
            f"{median(runs[name], 'mb'):.0f}", f"{files[name].stat().st_size:,}",
            *(column[name] for column in more.values()), f"{ratio(runs[name], runs[first]):.2f}x"]
           for name in runs])


class Goals:
    """What was wanted and what was reached; the last table of a run."""

    def __init__(self):
        self.rows = []

    def add(self, what, wanted, reached, good):
        self.rows.append([what, wanted, reached, "yes" if good else "NO"])

    def at_least(self, what, wanted, value):
        self.add(what, f"{wanted:g}x", f"{value:.2f}x", value >= wanted)

    def at_most(self, what, wanted, value, unit="", digits=0):
        self.add(what, f"at most {wanted:g}{unit}", f"{value:.{digits}f}{unit}", value <= wanted)

    def show(self):
        heading("Goals")
        table(["", "goal", "measured", "reached"], self.rows)
