/*
 * High dynamic range to the film's: light of any strength in BT.709 primaries, also outside of
 * their gamut, to light that sRGB can show. Pure.
 */
#ifndef MEDIA_TONEMAP_H
#define MEDIA_TONEMAP_H

/* The light of diffuse white (BT.2408), and the brightest that is told from brighter. */
#define TONEMAP_WHITE 203.0
#define TONEMAP_PEAK  1000.0

/* `light`: R, G, B in cd/m2. Result: linear, 0 to 1. Colours up to about 90 cd/m2 that are well
 * inside of the gamut come out as light / TONEMAP_WHITE. */
void tonemap_colour(const double light[3], double ret[3]);

#endif
