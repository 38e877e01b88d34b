/*
 * With macroblock tree x264's base quantiser of P frames is constant for a CRF and the time that a
 * frame is seen; I frames are finer by the factor ip. What is said here is that formula, for frames
 * whose time x264 does not know or would judge another way.
 */
#include "media/rate.h"

#include "media/encode.h"

#include <math.h>

enum { MAX_QP = 51 };

/*
 * A CRF means another quality at each preset: for medium's SSIM veryfast needs one lower by 2.5 to
 * 3.8, and slow may have one higher by 0.1 to 0.9, at low and at high qualities alike. With the
 * values below, luma SSIM and kbit/s at 1920x1080, 30 frames a second:
 *
 *   quality   time-lapse with noise and flicker      slideshow, 2.5 s a photo
 *             fast         balanced     small        fast         balanced     small
 *   45        .9535  1685  .9559  1515  .9541  1431  .9872   280  .9876   329  .9875   344
 *   60        .9758  2794  .9759  2235  .9746  2098  .9911   563  .9915   638  .9916   645
 *   75        .9868  6094  .9859  4569  .9851  3947  .9945  1010  .9949  1137  .9951  1128
 *   85        .9909 17084  .9903 14009  .9902 11105  .9966  1492  .9970  1707  .9976  1797
 *   95        .9941 41398  .9927 33453  .9926 28948  .9985  2251  .9990  2456  .9994  2554
 */
float encoder_crf(enum speed speed, unsigned quality) {
    static const float at_75[] = {
        [SPEED_FAST] = 18.0f, [SPEED_BALANCED] = 21.0f, [SPEED_SMALL] = 21.5f};
    /* At balanced, 41 for quality 0 is where pictures fall apart, 12 for 100 where eyes see no
     * difference. */
    float below = 20.0f / 75, above = 9.0f / 25;
    float steps = (float)quality - 75;
    return at_75[speed] - steps * (quality < 75 ? below : above);
}

/*
 * x264 quantises the first frame of an encode like a P frame; any later I frame is finer by the
 * factor ip (1.4: 2.91 steps). At every start of a segment that would be a visible drop, so the
 * first frame is told what x264 gives I frames in the middle. This reproduces it to 0.1 steps from
 * 1 to 120 frames a second at all three presets.
 */
int rate_qp(const x264_param_t *param, float seconds, bool is_key) {
    float clipped = seconds < 0.01f ? 0.01f : seconds > 1 ? 1 : seconds;
    float spread = 1 - param->rc.f_qcompress;
    float p_frames = param->rc.f_rf_constant + spread * (13.5f + 6 * log2f(0.04f / clipped));
    long qp = lroundf(p_frames - (is_key ? 6 * log2f(param->rc.f_ip_factor) : 0));
    return qp < 0 ? 0 : qp > MAX_QP ? MAX_QP : (int)qp;
}

float rate_held_seconds(const x264_param_t *param, enum speed speed, uint32_t fade,
                        uint32_t count) {
    /* What makes a held photo as good by SSIM as x264 makes it frame by frame, where it looks ahead
     * 10, 40 and 50 frames. */
    static const float most[] = {
        [SPEED_FAST] = 0.26f, [SPEED_BALANCED] = 0.62f, [SPEED_SMALL] = 0.72f};
    /* Mixtures are better than what they are mixed from, and move. */
    float frames = (float)count + (float)fade / 6;
    float frame_seconds = (float)param->i_fps_den / (float)param->i_fps_num;
    float limit = frame_seconds > most[speed] ? frame_seconds : most[speed];
    float seconds = frames * frame_seconds;
    return seconds < limit ? seconds : limit;
}
