"""What quality 75 means at each speed: x264's preset and CRF (src/media/rate.c)."""
PRESET = {"fast": "veryfast", "balanced": "medium"}
CRF = {"fast": 18, "balanced": 21}
