/*
 * The thread that carries out the lifecycle rules while a store is served: at the start, then every
 * hour.
 */
#ifndef S3_HOUSEKEEPER_H
#define S3_HOUSEKEEPER_H

#include "store/store.h"

struct s3_housekeeper;

struct s3_housekeeper *housekeeper_start(struct store *store);
/* Lets a round end first. NULL is fine. */
void housekeeper_stop(struct s3_housekeeper *housekeeper);

#endif
