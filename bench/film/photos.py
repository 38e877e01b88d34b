"""Photo sets, made of the photographs of Debian's mate-backgrounds package."""
import os

from .measure import ROOT, output


def sources():
    folder = output(ROOT / "tools/get-photos").strip()
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".jpg"))


def time_lapse(folder, count, size, chroma, grain):
    """The camera pans slowly over each photo for 30 frames, with grain, as JPEGs."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.jpg"))) == count:
        return folder
    width, height = size
    pool = sources()
    for number in range(0, count, 30):
        big = (f"scale={int(width * 1.1) // 2 * 2}:{int(height * 1.1) // 2 * 2}"
               ":force_original_aspect_ratio=increase")
        output("ffmpeg", "-v", "error", "-y", "-loop", "1", "-framerate", "30", "-i",
               pool[number // 30 % len(pool)], "-frames:v", min(30, count - number), "-vf",
               f"{big},crop={width}:{height}:x='n*2':y='n',noise=alls={grain}:allf=t,format={chroma}",
               "-q:v", "2", "-start_number", number, folder / "%06d.jpg")
    return folder


def single(folder, count, size, grain):
    """`count` different photographs: as many as there are, then their mirror images and details."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.jpg"))) == count:
        return folder
    width, height = size
    pool = sources()
    for number in range(count):
        zoom = 1 + 0.35 * (number // (2 * len(pool)))
        flip = "hflip," if number // len(pool) % 2 else ""
        output("ffmpeg", "-v", "error", "-y", "-i", pool[number % len(pool)], "-vf",
               f"{flip}scale={int(width * zoom)}:{int(height * zoom)}:force_original_aspect_ratio="
               f"increase,crop={width}:{height},noise=alls={grain},format=yuvj420p", "-frames:v", "1",
               "-q:v", "2", folder / f"{number:06d}.jpg")
    return folder


def repeated(folder, pool, count, ending="jpg"):
    """`count` names for the files of `pool`, by turns."""
    folder.mkdir(parents=True, exist_ok=True)
    files = sorted(pool.glob(f"*.{ending}"))
    for number in range(count):
        name = folder / f"{number:06d}.{ending}"
        if not name.exists():
            os.link(files[number % len(files)], name)
    return folder


def heic(folder, pool, count):
    folder.mkdir(parents=True, exist_ok=True)
    for number, photo in enumerate(sorted(pool.glob("*.jpg"))[:count]):
        name = folder / f"{number:06d}.heic"
        if not name.exists():
            output("heif-enc", "-q", "50", "-p", "preset=superfast", "-o", name, photo)
    return folder


def describe(folder, ending="jpg"):
    files = list(folder.glob(f"*.{ending}"))
    sizes = sorted(file.stat().st_size / 1e6 for file in files)
    return f"{len(files)} files of {sizes[0]:.1f} to {sizes[-1]:.1f} MB"
