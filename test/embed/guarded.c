#define _GNU_SOURCE
#include "guarded.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, MOST_BUFFERS = 64, CANARY = 0xa5 };

/* One mapping: page without access, data pages, page without access. */
static struct region {
  unsigned char *data, *buffer;
  size_t data_bytes, bytes;
} regions[MOST_BUFFERS];

static struct region *find(const void *buffer) {
  for (int i = 0; i < MOST_BUFFERS; ++i)
    if (regions[i].buffer == buffer)
      return &regions[i];
  fputs("guarded: not a buffer of ours, or too many\n", stderr);
  abort();
}

void *guarded_alloc(size_t bytes, size_t alignment, enum guard_side side) {
  struct region *region = find(NULL);
  size_t data_bytes = (bytes + PAGE - 1) / PAGE * PAGE;
  unsigned char *map = mmap(NULL, data_bytes + 2 * PAGE, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED || (data_bytes && mprotect(map + PAGE, data_bytes,
                                                   PROT_READ | PROT_WRITE))) {
    perror("guarded");
    abort();
  }
  region->data = map + PAGE;
  region->data_bytes = data_bytes;
  region->bytes = bytes;
  region->buffer = region->data;
  if (side == GUARD_AFTER)
    region->buffer += (data_bytes - bytes) / alignment * alignment;
  memset(region->data, CANARY, data_bytes);
  return region->buffer;
}

int guarded_intact(const void *buffer) {
  const struct region *region = find(buffer);
  for (const unsigned char *at = region->data;
       at < region->data + region->data_bytes; ++at) {
    int inside = at >= region->buffer && at < region->buffer + region->bytes;
    if (!inside && *at != CANARY)
      return 0;
  }
  return 1;
}

void guarded_protect(void *buffer) {
  struct region *region = find(buffer);
  if (region->data_bytes)
    mprotect(region->data, region->data_bytes, PROT_READ);
}

void guarded_free(void *buffer) {
  struct region *region = find(buffer);
  munmap(region->data - PAGE, region->data_bytes + 2 * PAGE);
  memset(region, 0, sizeof *region);
}

/* ---- malloc ---- */

static volatile int forbidden;

void forbid_malloc(void) { forbidden = 1; }
void allow_malloc(void) { forbidden = 0; }

static void check_allowed(void) {
  static const char message[] = "malloc was called by a compiled model\n";
  if (!forbidden)
    return;
  forbidden = 0;
  if (write(STDERR_FILENO, message, sizeof message - 1) < 0)
    _exit(98);
  abort();
}

/* These names come before the C library's own; it offers its functions under
 * second names too. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *malloc(size_t bytes) {
  check_allowed();
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  check_allowed();
  return __libc_calloc(count, bytes);
}
void *realloc(void *old, size_t bytes) {
  check_allowed();
  return __libc_realloc(old, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  check_allowed();
  return __libc_memalign(alignment, bytes);
}
void free(void *old) {
  if (old)
    check_allowed();
  __libc_free(old);
}
