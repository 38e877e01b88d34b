"""Photos that stay: against ffmpeg's crossfades as most write them and as an expert does, with
movement, and in any number."""
from . import photos
from .measure import TACHYSCOPE, comparison, heading, in_turn, median, output, ratio, run_alone, table
from .quality import TO_RGB, ssim
from .settings import CRF, PRESET

HOLD, FADE, FPS, SIZE = 3, 1, 30, (1920, 1080)
FILL = (f"scale={SIZE[0]}:{SIZE[1]}:force_original_aspect_ratio=decrease,pad={SIZE[0]}:{SIZE[1]}:-1:-1,"
        "setsar=1,format=yuv420p")


def ours(images, speed, out, *more):
    return [TACHYSCOPE, "render", "--quiet", "--fps", str(FPS), "--hold", str(HOLD), "--transition",
            "crossfade", "--transition-duration", str(FADE), "--size", f"{SIZE[0]}x{SIZE[1]}", "--speed",
            speed, *more, "-o", str(out), str(images)]


def fades(count):
    """The chain of xfade filters over [v0], [v1], …: image i comes in at the start of its hold."""
    parts, last = [], "v0"
    for number in range(1, count):
        parts.append(f"[{last}][v{number}]xfade=transition=fade:duration={FADE}:"
                     f"offset={number * HOLD}[x{number}]")
        last = f"x{number}"
    return parts, f"[{last}]"


def ffmpeg(inputs, filters, speed, out):
    parts, last = fades(len(filters))
    chains = [f"[{number}:v]{chain}[v{number}]" for number, chain in enumerate(filters)]
    return ["ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", ";".join(chains + parts), "-map",
            last, "-c:v", "libx264", "-preset", PRESET[speed], "-crf", str(CRF[speed]), "-movflags",
            "+faststart", str(out)]


def usual(images, speed, out):
    """What most write: each photo looped as a video and decoded again for each frame."""
    files = sorted(images.glob("*.jpg"))
    inputs = [word for file in files
              for word in ("-loop", "1", "-framerate", str(FPS), "-t", str(HOLD + FADE), "-i", str(file))]
    return ffmpeg(inputs, [FILL] * len(files), speed, out)


def expert(images, speed, out):
    """Each photo is decoded and scaled once, then looped."""
    files = sorted(images.glob("*.jpg"))
    inputs = [word for file in files for word in ("-i", str(file))]
    loop = f"{FILL},loop=loop={(HOLD + FADE) * FPS - 1}:size=1,setpts=N/({FPS}*TB),fps={FPS},settb=1/{FPS}"
    return ffmpeg(inputs, [loop] * len(files), speed, out)


def moving(images, speed, out):
    """zoompan steps by whole pixels: scaled up before, its steps become too small to see."""
    files = sorted(images.glob("*.jpg"))
    inputs = [word for file in files for word in ("-i", str(file))]
    frames = (HOLD + FADE) * FPS
    zoom = (f"scale={4 * SIZE[0]}:{4 * SIZE[1]}:force_original_aspect_ratio=decrease,"
            f"pad={4 * SIZE[0]}:{4 * SIZE[1]}:-1:-1,zoompan=z='1+0.2*on/{frames}':x='(iw-iw/zoom)/2':"
            f"y='(ih-ih/zoom)/2':d={frames}:s={SIZE[0]}x{SIZE[1]}:fps={FPS},setsar=1,settb=1/{FPS},"
            "format=yuv420p")
    return ffmpeg(inputs, [zoom] * len(files), speed, out)


def reference(images, target):
    files = sorted(images.glob("*.jpg"))
    inputs = [word for file in files for word in ("-i", str(file))]
    loop = (f"{TO_RGB.format(width=SIZE[0], height=SIZE[1])},loop=loop={(HOLD + FADE) * FPS - 1}:size=1,"
            f"setpts=N/({FPS}*TB),fps={FPS},settb=1/{FPS}")
    parts, last = fades(len(files))
    chains = [f"[{number}:v]{loop}[v{number}]" for number in range(len(files))]
    output("ffmpeg", "-v", "error", "-y", *inputs, "-filter_complex", ";".join(chains + parts), "-map", last,
           "-frames:v", len(files) * HOLD * FPS, "-c:v", "ffvhuff", target)
    return target


def crossfades(options, goals):
    for count in (12, 30):
        count = count // min(options.part, 3)
        images = photos.single(options.folder / f"single{count}", count, (5760, 3240), 4)
        title = f"{count} photos of 19 MP, {HOLD} s holds, {FADE} s crossfades, 1080p{FPS}"
        wanted = reference(images, options.folder / "reference.mkv")
        for speed in ("fast", "balanced"):
            film = options.folder / "ours.mp4"
            commands = {"tachyscope": (ours(images, speed, film), "709", film)}
            recipes = [("ffmpeg, expert's recipe", expert)]
            if speed == "fast":
                recipes.append(("ffmpeg, usual recipe", usual))
            for name, recipe in recipes:
                other = options.folder / f"{recipe.__name__}.mp4"
                commands[name] = (recipe(images, speed, other), "470bg", other)
            # The recipes take minutes: one run each says enough.
            runs = in_turn({name: command for name, (command, _, _) in commands.items()}, 1,
                           warm_up=False)
            heading(f"{title}, {speed}")
            quality = {name: ssim(made, matrix, wanted) for name, (_, matrix, made) in commands.items()}
            comparison(runs, {name: made for name, (_, _, made) in commands.items()},
                       {"SSIM": {name: f"{value:.4f}" for name, value in quality.items()}})
            short = f"{count} photos crossfaded, {speed}"
            goals.at_least(f"{short}: expert's recipe", 3.5, ratio(runs[recipes[0][0]], runs["tachyscope"]))
            goals.add(f"{short}: SSIM", "-0.002 or better",
                      f"{quality['tachyscope'] - quality[recipes[0][0]]:+.4f}",
                      quality["tachyscope"] >= quality[recipes[0][0]] - 0.002)
            if speed == "fast":
                goals.at_least(f"{short}: usual recipe", 15, ratio(runs[recipes[1][0]], runs["tachyscope"]))
                share = median(runs["tachyscope"], "mb") / median(runs[recipes[1][0]], "mb")
                goals.at_most(f"{short}: memory against the usual recipe", 33.4, 100 * share, " %")
            share = median(runs["tachyscope"], "mb") / median(runs[recipes[0][0]], "mb")
            goals.at_most(f"{short}: memory against the expert's", 33.4, 100 * share, " %")
        wanted.unlink()


def movement(options, goals):
    count = 12 // min(options.part, 3)
    images = photos.single(options.folder / f"single{count}", count, (5760, 3240), 4)
    films = [options.folder / name for name in ("ours.mp4", "theirs.mp4")]
    runs = in_turn({"tachyscope --motion zoom-in": ours(images, "fast", films[0], "--motion", "zoom-in"),
                    "ffmpeg zoompan, scaled up 4 times": moving(images, "fast", films[1])}, 1, warm_up=False)
    names = list(runs)
    heading(f"{count} photos, crossfaded, that move, fast")
    comparison(runs, dict(zip(names, films)))
    goals.at_least(f"{count} photos that move", 5, ratio(runs[names[1]], runs[names[0]]))


def holds(options, goals):
    """Mean difference of luma from one frame to the next where the picture should stay: the worst."""
    images = photos.repeated(options.folder / "few", photos.single(options.folder / "single12", 12,
                                                                   (5760, 3240), 4), 4)
    rows, worst = [], 0
    for speed in ("fast", "balanced"):
        for hold in (3, 12, 25):
            film = options.folder / "ours.mp4"
            command = ours(images, speed, film)
            command[command.index("--hold") + 1] = str(hold)
            output(*command)
            tags = output("ffprobe", "-v", "error", "-f", "lavfi", "-i", f"movie={film},signalstats",
                          "-show_entries", "frame_tags=lavfi.signalstats.YDIF", "-of", "csv=p=0")
            steps = [float(line.strip(",")) for line in tags.split()]
            # Neither a film's first frame nor a transition with the frame after it.
            still = [step for frame, step in enumerate(steps)
                     if frame % (hold * FPS) > (FADE * FPS if frame >= hold * FPS else 0)]
            changes = [step for step in still if step > 0]
            worst = max([worst, *changes])
            rows.append([speed, f"{hold} s", len(still), len(changes), f"{max(changes, default=0):.2f}"])
    heading("Holds: how far the picture moves where it stays, in steps of luma (0 to 255)")
    table(["", "hold", "frames", "not as the one before", "worst mean difference"], rows)
    goals.at_most("holds: mean luma difference between held frames", 0.5, worst, "", 2)


def memory(options, goals):
    pool = photos.single(options.folder / "single12", 12, (5760, 3240), 4)
    rows, peaks = [], {}
    for speed, wanted in (("fast", 450), ("balanced", 900)):
        for count in (100, 300, 1000):
            count //= options.part
            images = photos.repeated(options.folder / f"many{count}", pool, count)
            figures = run_alone(ours(images, speed, options.folder / "ours.mp4", "--threads", "2"))
            peaks.setdefault(speed, []).append(figures["mb"])
            rows.append([speed, count, f"{figures['wall']:.1f}", f"{figures['mb']:.0f}"])
        goals.at_most(f"{count} photos crossfaded, {speed}: memory", wanted, peaks[speed][-1], " MB")
        goals.at_most(f"{speed}: memory of {count} photos against {count // 10}", 105,
                      100 * peaks[speed][-1] / peaks[speed][0], " %")
    heading("Photos of 19 MP crossfaded, two segments in flight: memory")
    table(["", "photos", "seconds", "peak MB"], rows)

