"""Every photo is a frame: against ffmpeg's image sequences, and against what the parts cost alone."""
import subprocess

from . import photos
from .measure import CORES, STAGES, TACHYSCOPE, comparison, heading, in_turn, median, output, ratio
from .quality import at_quality, reference, ssim
from .settings import CRF, PRESET


def ours(images, size, speed, out):
    return [TACHYSCOPE, "render", "--quiet", "--fps", "30", "--size", f"{size[0]}x{size[1]}", "--speed",
            speed, "-o", str(out), str(images)]


def theirs(images, size, speed, out, crf=None, lowres=()):
    """ffmpeg's best ordinary use: decoding, scaling and encoding run beside each other by default."""
    return ["ffmpeg", "-v", "error", "-y", *lowres, "-framerate", "30", "-i", str(images / "%06d.jpg"),
            "-vf", f"scale={size[0]}:{size[1]},format=yuv420p", "-c:v", "libx264", "-preset",
            PRESET[speed], "-crf", str(crf or CRF[speed]), "-movflags", "+faststart", str(out)]


def limit(images, size, speed, folder):
    """CPU seconds of the three parts, each alone."""
    files = [str(file) for file in sorted(images.glob("*.jpg"))]
    decode = float(output(STAGES, "decode", *size, *files))
    develop = float(output(STAGES, "develop", *size, *files))
    ready = folder / "ready.y4m"
    with open(ready, "wb") as frames:
        subprocess.run([STAGES, "frames", *map(str, size), "30", *files], check=True, stdout=frames)
    command = x264(ready, speed, CRF[speed], folder / "ready.mkv", "infinite", size)
    encode = in_turn({"x264": command}, 1)["x264"][0]["cpu"]
    ready.unlink()
    return decode, develop, encode


def x264(frames, speed, crf, out, keyint, size):
    """The library by itself, set up as src/media/encode_x264.c does."""
    lean = []
    if size[0] * size[1] >= 1600 * 900:
        lean = (["--partitions", "i8x8", "--me", "dia"] if speed == "fast" else
                ["--partitions", "p8x8,b8x8,i8x8", "--no-mixed-refs"])
    return ["x264", "--quiet", "--preset", PRESET[speed], *lean, "--crf", str(crf), "--threads", "1",
            "--lookahead-threads", "1", "--sync-lookahead", "0", "--cpu-independent", "--stitchable",
            "--keyint", str(keyint), "-o", str(out), str(frames)]


def compare(title, images, size, speed, pairs, folder, goals, wanted_speed, with_limit, wanted_file):
    film, other, third = (folder / name for name in ("ours.mp4", "theirs.mp4", "lowres.mp4"))
    commands = {"tachyscope": ours(images, size, speed, film),
                "ffmpeg": theirs(images, size, speed, other)}
    if with_limit:
        commands["ffmpeg -lowres 1"] = theirs(images, size, speed, third, lowres=("-lowres", "1"))
    runs = in_turn(commands, pairs)
    films = {"tachyscope": (film, "709"), "ffmpeg": (other, "470bg"), "ffmpeg -lowres 1": (third, "470bg")}
    quality = {name: ssim(*films[name], wanted_file) for name in commands}
    heading(f"{title}, {speed} (x264 {PRESET[speed]}, CRF {CRF[speed]})")
    comparison(runs, {name: made for name, (made, _) in films.items()},
               {"SSIM": {name: f"{value:.4f}" for name, value in quality.items()}})
    points = [(quality["ffmpeg"], other.stat().st_size)]
    for step in (-2, 2):
        again = folder / "again.mp4"
        output(*theirs(images, size, speed, again, crf=CRF[speed] + step))
        points.append((ssim(again, "470bg", wanted_file), again.stat().st_size))
    equal = at_quality(points, quality["tachyscope"])
    print(f"At our SSIM ffmpeg needs {equal:,.0f} bytes (tachyscope: {film.stat().st_size / equal - 1:+.1%}).")
    goals.at_least(f"{title}, {speed}", wanted_speed, ratio(runs["ffmpeg"], runs["tachyscope"]))
    goals.add(f"{title}, {speed}: SSIM", "-0.002 or better", f"{quality['tachyscope'] - quality['ffmpeg']:+.4f}",
              quality["tachyscope"] >= quality["ffmpeg"] - 0.002)
    if with_limit:
        parts = limit(images, size, speed, folder)
        wall = median(runs["tachyscope"], "wall")
        floor = sum(parts) / CORES
        print(f"The limit: decoding {parts[0]:.2f} + resampling and colours {parts[1]:.2f} + x264 "
              f"{parts[2]:.2f} CPU s, each alone, on {CORES} cores: {floor:.2f} s; tachyscope takes "
              f"{wall:.2f} s ({wall / floor - 1:+.1%}).")
        goals.at_most(f"{title}, {speed}: over the limit", 10, 100 * (wall / floor - 1), " %")


def run(options, goals):
    folder = options.folder
    large = photos.time_lapse(folder / f"large{options.part}", 120 // options.part, (6000, 4000),
                              "yuvj422p", 6)
    small = photos.time_lapse(folder / f"small{options.part}", 600 // options.part, (1920, 1080),
                              "yuvj420p", 5)
    print(f"24 MP: JPEG, 4:2:2, {photos.describe(large)}; 1080p: JPEG, 4:2:0, {photos.describe(small)}")
    cases = [("24 MP JPEGs to 1920x1280", large, (1920, 1280), {"fast": 2.3, "balanced": 2}, True),
             ("1080p JPEGs to 1080p", small, (1920, 1080), {"fast": 1.2, "balanced": 1.2}, False)]
    for title, images, size, wanted, with_limit in cases:
        title = f"{len(list(images.glob('*.jpg')))} {title}"
        wanted_file = reference(images, size, 30, folder / "reference.mkv")
        for speed in ("fast", "balanced"):
            compare(title, images, size, speed, options.pairs, folder, goals, wanted[speed], with_limit,
                    wanted_file)
        wanted_file.unlink()
