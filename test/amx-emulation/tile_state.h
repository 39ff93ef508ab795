/* The tile registers of a thread and what instructions do to them. Internal. */
#ifndef ASHLAR_TEST_TILE_STATE_H
#define ASHLAR_TEST_TILE_STATE_H

#include "test/amx-emulation/tile_instruction.h"

enum { TILE_COUNT = 8, TILE_ROWS = 16, TILE_ROW_BYTES = 64 };

typedef struct tile_state {
  uint8_t palette; /* 0: not configured */
  uint8_t start_row;
  uint8_t rows[TILE_COUNT];
  uint16_t row_bytes[TILE_COUNT];
  _Alignas(64) uint8_t data[TILE_COUNT][TILE_ROWS][TILE_ROW_BYTES];
} tile_state;

/* Carries the instruction out. Null, or what is wrong with it. */
const char *tile_execute(tile_state *state, const tile_instruction *op);

#endif
