"""Photos of phones: against decoding them to files first, as people do who have no tool that reads HEIC."""
from . import photos
from .measure import TACHYSCOPE, heading, in_turn, median, ratio, table
from .settings import CRF, PRESET


def run(options, goals):
    count, size = 200 // options.part, (1440, 1080)
    pool = photos.single(options.folder / "phone12", 12, (4032, 3024), 3)
    originals = photos.heic(options.folder / "phone-heic12", pool, 12)
    images = photos.repeated(options.folder / f"phone-heic{count}", originals, count, "heic")
    decoded = options.folder / "decoded"
    films = [options.folder / name for name in ("ours.mp4", "theirs.mp4")]
    ours = [TACHYSCOPE, "render", "--quiet", "--fps", "30", "--size", f"{size[0]}x{size[1]}", "--speed", "fast",
            "-o", str(films[0]), str(images)]
    theirs = (f"rm -rf {decoded} && mkdir {decoded} && for f in {images}/*.heic; do "
              f"heif-convert -q 95 $f {decoded}/$(basename $f .heic).jpg >/dev/null || exit 1; done && "
              f"ffmpeg -v error -y -framerate 30 -i {decoded}/%06d.jpg -vf scale={size[0]}:{size[1]},format=yuv420p "
              f"-c:v libx264 -preset {PRESET['fast']} -crf {CRF['fast']} -movflags +faststart {films[1]}")
    runs = in_turn({"tachyscope": ours, "heif-convert, then ffmpeg": theirs}, 1, warm_up=False)
    names = list(runs)
    heading(f"{count} HEIC photos of 12 MP ({photos.describe(images, 'heic')}) to 1440x1080, fast")
    table(["", "seconds", "CPU s", "peak MB", "bytes", "tachyscope is faster by"],
          [[name, f"{median(runs[name], 'wall'):.1f}", f"{median(runs[name], 'cpu'):.1f}",
            f"{median(runs[name], 'mb'):.0f}", f"{film.stat().st_size:,}",
            f"{ratio(runs[name], runs[names[0]]):.2f}x"] for name, film in zip(names, films)])
    goals.at_least(f"{count} HEIC photos", 1.5, ratio(runs[names[1]], runs[names[0]]))
