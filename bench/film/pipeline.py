"""The whole pipeline (`submit` to a running server) against the same work in one process."""
import re
import shutil
import signal
import subprocess

from . import photos
from .measure import TACHYSCOPE, heading, in_turn, median, ratio, table
from .slideshow import ours as slideshow
from .time_lapse import ours as time_lapse


class Server:
    def __init__(self, folder):
        shutil.rmtree(folder / "data", ignore_errors=True)
        self.log = open(folder / "server.log", "w")
        self.process = subprocess.Popen(
            [TACHYSCOPE, "serve", "--data", folder / "data", "--listen", "127.0.0.1:0", "--s3-listen",
             "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.page = re.match(r"ready page=(\S+)", self.process.stdout.readline()).group(1)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.log.close()


def run(options, goals):
    folder, part = options.folder, options.part
    large = photos.time_lapse(folder / f"large{part}", 120 // part, (6000, 4000), "yuvj422p", 6)
    small = photos.time_lapse(folder / f"small{part}", 600 // part, (1920, 1080), "yuvj420p", 5)
    slides = photos.single(folder / f"single{12 // min(part, 3)}", 12 // min(part, 3), (5760, 3240), 4)
    film, twin = folder / "ours.mp4", folder / "submitted.mp4"
    cases = [("24 MP JPEGs to 1920x1280", lambda speed: time_lapse(large, (1920, 1280), speed, film)),
             ("1080p JPEGs to 1080p", lambda speed: time_lapse(small, (1920, 1080), speed, film)),
             ("photos crossfaded", lambda speed: slideshow(slides, speed, film))]
    rows = []
    for name, command in cases:
        for speed in ("fast", "balanced"):
            server = Server(folder)
            render = command(speed)
            submit = [TACHYSCOPE, "submit", "--server", server.page, *render[2:]]
            submit[submit.index(str(film))] = str(twin)
            runs = in_turn({"submit": submit, "render": render}, options.pairs)
            server.end()
            more = 100 * (ratio(runs["submit"], runs["render"]) - 1)
            rows.append([f"{name}, {speed}", f"{median(runs['submit'], 'wall'):.2f}",
                         f"{median(runs['render'], 'wall'):.2f}", f"{more:+.0f} %",
                         "yes" if film.read_bytes() == twin.read_bytes() else "NO"])
    heading("The whole pipeline (submit) against render")
    table(["", "submit s", "render s", "submit takes", "same bytes"], rows)
