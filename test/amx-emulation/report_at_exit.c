/* Tells on standard error, when the program ends, how many tile instructions
 * ran. */
#include "test/amx-emulation/amx_emulation.h"

#include <stdio.h>

__attribute__((destructor)) static void report(void) {
  const char *separator = "amx-emulation: ";
  for (int kind = 0; kind < AMX_NUM_KINDS; ++kind) {
    unsigned long long count = amx_emulation_count((amx_kind)kind);
    if (count) {
      fprintf(stderr, "%s%s %llu", separator, amx_kind_name((amx_kind)kind),
              count);
      separator = ", ";
    }
  }
  if (*separator == ',')
    fprintf(stderr, ", misaligned rows %llu\n",
            (unsigned long long)amx_emulation_misaligned_rows());
}
