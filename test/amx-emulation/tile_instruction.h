/* A tile instruction, taken apart. Internal. */
#ifndef ASHLAR_TEST_TILE_INSTRUCTION_H
#define ASHLAR_TEST_TILE_INSTRUCTION_H

#include "test/amx-emulation/amx_emulation.h"

/* General registers by number: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 ...
 */
typedef struct tile_instruction {
  amx_kind kind;
  unsigned length;        /* bytes */
  unsigned destination;   /* tile; of a store: the tile stored */
  unsigned first, second; /* tiles of a product */
  uint64_t address;       /* of memory, row 0 */
  uint64_t stride;        /* bytes from row to row: index << scale */
} tile_instruction;

/* Takes apart what stands at `code`, with the values of the general registers.
 * Returns 0 where that is no tile instruction. */
int tile_decode(const uint8_t *code, const uint64_t registers[16],
                tile_instruction *out);

#endif
