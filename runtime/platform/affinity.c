/* CPUs that this process may use: affinity mask, cgroup quota. */
#define _GNU_SOURCE
#include "affinity.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

uint32_t ashlar_platform_affinity_cpus(void) {
  /* The kernel refuses masks shorter than its own: try room for more and more
   * CPUs. */
  enum { largest = 1 << 16 };
  unsigned long mask[largest / 8 / sizeof(unsigned long)];
  for (size_t cpus = 1024; cpus <= largest; cpus *= 4) {
    memset(mask, 0, cpus / 8);
    if (sched_getaffinity(0, cpus / 8, (cpu_set_t *)mask) != 0)
      continue;
    uint32_t count = 0;
    for (size_t i = 0; i != cpus / 8 / sizeof(unsigned long); ++i)
      for (unsigned long bits = mask[i]; bits; bits &= bits - 1)
        ++count;
    return count ? count : 1;
  }
  return 1;
}

enum { path_capacity = 4096, file_capacity = 8192 };

/* Appends `text` to the string in `path`; 0 where it does not fit. */
static int append(char *path, const char *text, size_t length) {
  size_t used = strlen(path);
  if (used + length >= path_capacity)
    return 0;
  memcpy(path + used, text, length);
  path[used + length] = 0;
  return 1;
}

static int read_file(const char *path, char *text) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return 0;
  size_t size = 0;
  ssize_t got;
  while (size < file_capacity - 1 &&
         (got = read(file, text + size, file_capacity - 1 - size)) > 0)
    size += (size_t)got;
  close(file);
  text[size] = 0;
  return 1;
}

/* A decimal number at *text, which moves behind it; -1 where there is none
 * ("max", "-1"). */
static int64_t number(const char **text) {
  while (**text == ' ')
    ++*text;
  if (**text < '0' || **text > '9')
    return -1;
  int64_t value = 0;
  while (**text >= '0' && **text <= '9') {
    if (value < INT64_MAX / 10000)
      value = value * 10 + (**text - '0');
    ++*text;
  }
  return value;
}

static uint64_t millicpus(int64_t quota, int64_t period) {
  if (quota <= 0 || period <= 0)
    return 0;
  uint64_t value = (uint64_t)quota * 1000 / (uint64_t)period;
  return value ? value : 1;
}

/* Quota of the one group in folder `path`; 0 where it has none. */
static uint64_t group_quota(const char *path, int version) {
  char file[path_capacity], text[file_capacity];
  const char *at = text;
  file[0] = 0;
  if (version == 2) {
    if (!append(file, path, strlen(path)) || !append(file, "/cpu.max", 8) ||
        !read_file(file, text))
      return 0;
    int64_t quota = number(&at);
    return quota < 0 ? 0 : millicpus(quota, number(&at));
  }
  if (!append(file, path, strlen(path)) ||
      !append(file, "/cpu.cfs_quota_us", 17) || !read_file(file, text))
    return 0;
  int64_t quota = number(&at);
  file[0] = 0;
  if (!append(file, path, strlen(path)) ||
      !append(file, "/cpu.cfs_period_us", 18) || !read_file(file, text))
    return 0;
  at = text;
  return millicpus(quota, number(&at));
}

static uint64_t tighter(uint64_t a, uint64_t b) {
  return !a ? b : !b || a < b ? a : b;
}

/* The tightest quota of the group `group` and all that enclose it, below the
 * folder `mount`. Inside a container the group's path may not exist; its own
 * root then does. */
static uint64_t hierarchy_quota(const char *root, const char *mount,
                                const char *group, size_t length, int version) {
  char path[path_capacity];
  path[0] = 0;
  if (!append(path, root, strlen(root)) || !append(path, mount, strlen(mount)))
    return 0;
  size_t base = strlen(path);
  uint64_t quota = group_quota(path, version);
  if (!append(path, group, length))
    return quota;
  for (size_t end = strlen(path); end > base; --end)
    if (path[end] == 0 || path[end] == '/') {
      path[end] = 0;
      quota = tighter(quota, group_quota(path, version));
    }
  return quota;
}

/* Whether the comma-separated list names the controller "cpu". */
static int names_cpu(const char *list, const char *end) {
  while (list < end) {
    const char *stop = list;
    while (stop < end && *stop != ',')
      ++stop;
    if (stop - list == 3 && memcmp(list, "cpu", 3) == 0)
      return 1;
    list = stop + 1;
  }
  return 0;
}

uint64_t ashlar_platform_quota_below(const char *root) {
  char path[path_capacity], text[file_capacity];
  path[0] = 0;
  if (!append(path, root, strlen(root)) ||
      !append(path, "/proc/self/cgroup", 17) || !read_file(path, text))
    return 0;
  uint64_t quota = 0;
  /* Lines "hierarchy:controllers:path"; version 2 has hierarchy 0 and no
   * controllers. */
  for (const char *line = text; *line;) {
    const char *end = strchr(line, '\n');
    if (!end)
      end = line + strlen(line);
    const char *controllers = memchr(line, ':', (size_t)(end - line));
    const char *group = controllers ? memchr(controllers + 1, ':',
                                             (size_t)(end - controllers - 1))
                                    : 0;
    if (group) {
      size_t length = (size_t)(end - group - 1);
      if (group == controllers + 1)
        quota = tighter(quota, hierarchy_quota(root, "/sys/fs/cgroup",
                                               group + 1, length, 2));
      else if (names_cpu(controllers + 1, group)) {
        quota = tighter(quota, hierarchy_quota(root, "/sys/fs/cgroup/cpu",
                                               group + 1, length, 1));
        quota =
            tighter(quota, hierarchy_quota(root, "/sys/fs/cgroup/cpu,cpuacct",
                                           group + 1, length, 1));
      }
    }
    line = *end ? end + 1 : end;
  }
  return quota;
}

uint64_t ashlar_platform_quota_millicpus(void) {
  return ashlar_platform_quota_below("");
}

uint32_t ashlar_available_cpus(void) {
  uint32_t cpus = ashlar_platform_affinity_cpus();
  uint64_t quota = ashlar_platform_quota_millicpus();
  uint64_t whole = (quota + 999) / 1000;
  return whole && whole < cpus ? (uint32_t)whole : cpus;
}
