/*
 * What the two halves of the preloaded library share: which paths are looked up in the world.
 */
#ifndef WISBLOCK_PRELOAD_H
#define WISBLOCK_PRELOAD_H

#include <limits.h>

#define INSIDE __attribute__((visibility("hidden")))

/* The directory of the world, or NULL when the library has nothing to do. */
INSIDE const char *world(void);

INSIDE int starts_with(const char *text, const char *prefix);

/* Whether a path is that of an I2C adapter or a GPIO chip. */
INSIDE int is_device(const char *path);

/* Returns the path to use: the given one, or the one in the world, written to room. */
INSIDE const char *rewritten(const char *path, char room[PATH_MAX]);

#endif
