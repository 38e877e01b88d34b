/*
 * Prints how far colours are off after the way into the film and back: CIEDE2000 of flat patches,
 * by kind of picture; those that the film's gamut cannot show apart.
 */
#include "patches.h"

#include <stdio.h>

int main(void) {
    printf("%-28s %7s %6s %6s   %s\n", "CIEDE2000", "patches", "mean", "worst",
           "out of gamut: patches, mean, worst");
    for (unsigned i = 0; i < patch_kind_count; i++) {
        struct patch_errors inside, outside;
        if (!patches_measure(&patch_kinds[i], &inside, &outside)) {
            printf("%-28s a profile is not installed\n", patch_kinds[i].name);
            continue;
        }
        printf("%-28s %7u %6.2f %6.2f   ", patch_kinds[i].name, inside.count, inside.mean,
               inside.worst);
        if (outside.count > 0)
            printf("%u, %.2f, %.2f", outside.count, outside.mean, outside.worst);
        printf("\n");
    }
    return 0;
}
