"""What segments cost: bytes against one continuous encode with a key frame as often as the longest
segment, on sequences that cameras took (Debian's packages hold some)."""
import subprocess

from . import photos
from .measure import BUILD, STAGES, TACHYSCOPE, heading, output, table
from .quality import at_quality
from .settings import CRF
from .time_lapse import x264

BUDGET = 240  # frames: src/job/plan_cut.c

# Files in Debian packages: a street seen from above; people and animals by phone cameras.
STREET = [("opencv-doc", "usr/share/doc/opencv-doc/examples/data/vtest.avi")]
PHONES = [("forensics-samples-files", "usr/share/forensics-samples/original-files/movie2/movie-hello.mp4"),
          ("python3-imageio", "usr/lib/python3/dist-packages/imageio/resources/images/cockatoo.mp4"),
          ("forensics-samples-files",
           "usr/share/forensics-samples/original-files/movie1/VID_20191220_170832.mp4"),
          ("forensics-samples-files", "usr/share/forensics-samples/original-files/movie2/movie-hello.avi")]


def unpacked(package):
    folder = BUILD / "sequences" / package
    if not folder.exists():
        folder.mkdir(parents=True)
        output("sh", "-c", f"cd {folder}/.. && apt-get -q download {package}")
        output("sh", "-c", f"cd {folder} && dpkg-deb -x ../{package}_*.deb . && rm ../{package}_*.deb")
    return folder


def sequence(folder, parts, size, frames):
    """The clips one after another, then backwards, as photos."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.jpg"))) == frames:
        return folder
    number = 0
    for backwards in (False, True):
        for package, name in parts[::-1] if backwards else parts:
            output("ffmpeg", "-v", "error", "-y", "-i", unpacked(package) / name, "-vf",
                   f"scale={size[0]}:{size[1]}:force_original_aspect_ratio=increase,crop={size[0]}:{size[1]}"
                   f"{',reverse' if backwards else ''},format=yuvj420p", "-fps_mode", "passthrough",
                   "-frames:v", frames - number, "-q:v", "2", "-start_number", number, folder / "%06d.jpg")
            number = len(list(folder.glob("*.jpg")))
            if number == frames:
                return folder
    return folder


def bytes_of(film):
    sizes = output("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=size", "-of",
                   "csv=p=0", film)
    return sum(int(line.strip(",")) for line in sizes.split())


def fidelity(film, frames):
    done = subprocess.run(["ffmpeg", "-v", "info", "-i", film, "-i", frames, "-lavfi",
                           "[0:v]settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]ssim", "-f",
                           "null", "-"], capture_output=True, text=True, check=True)
    return float(done.stderr.rsplit("All:", 1)[1].split()[0])


def distances(name, ready, size, rows):
    """What key frames cost by themselves, at the CRF of fast; against none but the first."""
    whole = ready.with_name("whole.mkv")
    points = {}
    for keyint in (30, 60, 120, 240, 480, "infinite"):
        output(*x264(ready, "fast", CRF["fast"], whole, keyint, size))
        points[keyint] = bytes_of(whole)
    rows.append([name, *(f"{100 * (points[keyint] / points['infinite'] - 1):+.1f} %"
                         for keyint in points if keyint != "infinite")])


def run(options, goals):
    folder = options.folder
    frames = 1200 // options.part
    sets = [("street, 768x576", sequence(folder / f"street{frames}", STREET, (768, 576), frames), (768, 576)),
            ("phone cameras, 1280x720", sequence(folder / f"phones{frames}", PHONES, (1280, 720), frames),
             (1280, 720)),
            ("time-lapse of photographs, 1920x1080",
             photos.time_lapse(folder / f"pan{frames}", frames, (1920, 1080), "yuvj420p", 3), (1920, 1080))]
    rows, distance_rows = [], []
    for name, images, size in sets:
        files = [str(file) for file in sorted(images.glob("*.jpg"))]
        ready = folder / "ready.y4m"
        with open(ready, "wb") as target:
            subprocess.run([STAGES, "frames", *map(str, size), "30", *files], check=True, stdout=target)
        for speed in ("fast", "balanced"):
            film = folder / "ours.mp4"
            output(TACHYSCOPE, "render", "--quiet", "--fps", "30", "--size", f"{size[0]}x{size[1]}",
                   "--speed", speed, "--held-frames", "encoded", "-o", film, images)
            points = []
            for step in (-1, 0, 1):
                whole = folder / "whole.mkv"
                output(*x264(ready, speed, CRF[speed] + step, whole, BUDGET, size))
                points.append((fidelity(whole, ready), bytes_of(whole)))
            ssim, size_of = fidelity(film, ready), bytes_of(film)
            more = 100 * (size_of / at_quality(points, ssim) - 1)
            rows.append([name, speed, len(files), f"{points[1][1]:,}", f"{points[1][0]:.5f}", f"{size_of:,}",
                         f"{ssim:.5f}", f"{more:+.1f} %"])
            goals.at_most(f"{name}, {speed}: bytes of segments", 2, more, " %", 1)
        distances(name, ready, size, distance_rows)
        ready.unlink()
    heading(f"Segments against one encode with a key frame every {BUDGET} frames, same CRF")
    table(["", "speed", "frames", "one encode: bytes", "SSIM", "segments: bytes", "SSIM",
           "more bytes at equal SSIM"], rows)
    heading("What key frames cost: bytes against a film with one, fast, by the frames between them")
    table(["", "30", "60", "120", "240", "480"], distance_rows)
