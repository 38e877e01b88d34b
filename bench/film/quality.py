"""How good a film is: SSIM over R, G and B against pictures composed in float without encoding."""
import math
import re
import subprocess
import sys

from .measure import output

# zimg resamples and converts in float here, with a JPEG's centred chroma.
TO_RGB = ("zscale=matrixin=470bg:rangein=full:chromalin=center:matrix=gbr:range=full,format=gbrpf32le,"
          "zscale=w={width}:h={height}:filter=lanczos,format=gbrp")


def reference(images, size, fps, target):
    output("ffmpeg", "-v", "error", "-y", "-framerate", fps, "-i", images / "%06d.jpg", "-vf",
           TO_RGB.format(width=size[0], height=size[1]), "-c:v", "ffvhuff", target)
    return target


def ssim(film, matrix, wanted):
    """Mean over all frames; frames are compared by number."""
    back = (f"zscale=matrixin={matrix}:rangein=limited:chromalin=left:matrix=gbr:range=full:"
            "filter=bicubic,format=gbrp")
    done = subprocess.run(
        ["ffmpeg", "-v", "info", "-i", film, "-i", wanted, "-lavfi",
         f"[0:v]{back},settb=1/1000,setpts=N[a];[1:v]settb=1/1000,setpts=N[b];[a][b]ssim", "-f", "null",
         "-"], capture_output=True, text=True)
    found = re.search(r"All:([\d.]+)", done.stderr)
    if done.returncode != 0 or not found:
        sys.exit(f"no SSIM of {film}: {done.stderr[-2000:]}")
    return float(found.group(1))


def at_quality(points, wanted):
    """Bytes at an SSIM, from (ssim, bytes) at some CRFs: interpolated on a logarithmic scale."""
    points = sorted((quality, math.log(size)) for quality, size in points)
    for (s0, b0), (s1, b1) in zip(points, points[1:]):
        if s0 <= wanted <= s1 and s1 > s0:
            return math.exp(b0 + (b1 - b0) * (wanted - s0) / (s1 - s0))
    (s0, b0), (s1, b1) = points[:2] if wanted < points[0][0] else points[-2:]
    return math.exp(b0 + (b1 - b0) * (wanted - s0) / (s1 - s0)) if s1 > s0 else math.exp(b0)
