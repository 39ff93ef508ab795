/* Buffers of exact size between pages that may not be touched, and a watch on
 * malloc. */
#ifndef ASHLAR_TEST_EMBED_GUARDED_H
#define ASHLAR_TEST_EMBED_GUARDED_H

#include <stddef.h>

enum guard_side { GUARD_BEFORE, GUARD_AFTER };

/* `bytes` bytes aligned to `alignment`, as near as that allows to a page
 * without access: behind the buffer (GUARD_AFTER) or before it. Bytes between
 * buffer and page are watched by guarded_intact(). */
void *guarded_alloc(size_t bytes, size_t alignment, enum guard_side side);
/* No byte around the buffer changed. */
int guarded_intact(const void *buffer);
/* From now on writing to the buffer faults. */
void guarded_protect(void *buffer);
void guarded_free(void *buffer);

/* Between these two calls malloc and its relatives end the program. */
void forbid_malloc(void);
void allow_malloc(void);

#endif
