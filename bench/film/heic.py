"""Photos of phones: against decoding them to files first, as people do who have no tool that reads HEIC."""
from . import photos
from .measure import comparison, heading, in_turn, ratio
from .settings import CRF, PRESET
from .time_lapse import ours


def run(options, goals):
    count, size = 200 // options.part, (1440, 1080)
    pool = photos.single(options.folder / "phone12", 12, (4032, 3024), 3)
    originals = photos.heic(options.folder / "phone-heic12", pool, 12)
    images = photos.repeated(options.folder / f"phone-heic{count}", originals, count, "heic")
    decoded = options.folder / "decoded"
    films = [options.folder / name for name in ("ours.mp4", "theirs.mp4")]
    theirs = (f"rm -rf {decoded} && mkdir {decoded} && for f in {images}/*.heic; do "
              f"heif-convert -q 95 $f {decoded}/$(basename $f .heic).jpg >/dev/null || exit 1; done && "
              f"ffmpeg -v error -y -framerate 30 -i {decoded}/%06d.jpg -vf scale={size[0]}:{size[1]},format=yuv420p "
              f"-c:v libx264 -preset {PRESET['fast']} -crf {CRF['fast']} -movflags +faststart {films[1]}")
    runs = in_turn({"tachyscope": ours(images, size, "fast", films[0]), "heif-convert, then ffmpeg": theirs}, 1, warm_up=False)
    names = list(runs)
    heading(f"{count} HEIC photos of 12 MP ({photos.describe(images, 'heic')}) to 1440x1080, fast")
    comparison(runs, dict(zip(names, films)))
    goals.at_least(f"{count} HEIC photos", 1.5, ratio(runs[names[1]], runs[names[0]]))
