/* Intel AMX in software, for machines that have none: a handler of SIGILL that
 * carries out the tile instruction that could not be executed.
 *
 * What the architecture calls a fault, and what it leaves undefined, ends the
 * program with a message: a kernel has no business there. */
#ifndef ASHLAR_TEST_AMX_EMULATION_H
#define ASHLAR_TEST_AMX_EMULATION_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum amx_kind {
  AMX_LDTILECFG,
  AMX_STTILECFG,
  AMX_TILERELEASE,
  AMX_TILEZERO,
  AMX_TILELOADD,
  AMX_TILELOADDT1,
  AMX_TILESTORED,
  AMX_TDPBSSD,
  AMX_TDPBSUD,
  AMX_TDPBUSD,
  AMX_TDPBUUD,
  AMX_TDPBF16PS,
  AMX_NUM_KINDS
} amx_kind;

/* "ldtilecfg" ... */
const char *amx_kind_name(amx_kind kind);

/* From here on tile instructions work, in all threads. Again and again is
 * allowed: it takes the signal back from whoever took it meanwhile. */
void amx_emulation_install(void);

/* Instructions carried out, over all threads. */
uint64_t amx_emulation_count(amx_kind kind);
void amx_emulation_reset_counts(void);

/* Rows of tiles, loaded or stored, that did not start at a multiple of 64
 * bytes: the machine loads such a tile at a sixth of the speed. */
uint64_t amx_emulation_misaligned_rows(void);
/* Makes such a row end the program like a fault. */
void amx_emulation_require_alignment(int required);

#ifdef __cplusplus
}
#endif
#endif
