#include "test/amx-emulation/tile_state.h"

#include <string.h>
#include <xmmintrin.h>

/* Round to nearest even, denormals are zero and results are flushed to it. */
#define TILE_FLOAT_STATE 0x9fc0u

static const char *load_configuration(tile_state *state,
                                      const uint8_t *memory) {
  tile_state fresh;
  memset(&fresh, 0, sizeof fresh);
  if (memory[0] > 1)
    return "the palette is neither 0 nor 1";
  if (memory[0] == 0) {
    *state = fresh;
    return 0;
  }
  for (int i = 2; i < 64; ++i) {
    int used = (i >= 16 && i < 32) || (i >= 48 && i < 56);
    if (!used && memory[i])
      return "reserved bytes of the configuration are not zero";
  }
  fresh.palette = 1;
  fresh.start_row = memory[1];
  for (int tile = 0; tile < TILE_COUNT; ++tile) {
    memcpy(&fresh.row_bytes[tile], memory + 16 + 2 * tile, 2);
    fresh.rows[tile] = memory[48 + tile];
    if (fresh.rows[tile] > TILE_ROWS || fresh.row_bytes[tile] > TILE_ROW_BYTES)
      return "a tile has more than 16 rows or 64 bytes a row";
    if (!fresh.rows[tile] != !fresh.row_bytes[tile])
      return "a tile has rows without bytes or bytes without rows";
  }
  *state = fresh;
  return 0;
}

static void store_configuration(const tile_state *state, uint8_t *memory) {
  memset(memory, 0, 64);
  if (state->palette == 0)
    return;
  memory[0] = state->palette;
  memory[1] = state->start_row;
  for (int tile = 0; tile < TILE_COUNT; ++tile) {
    memcpy(memory + 16 + 2 * tile, &state->row_bytes[tile], 2);
    memory[48 + tile] = state->rows[tile];
  }
}

static const char *check_tile(const tile_state *state, unsigned tile) {
  if (state->palette == 0)
    return "no tiles are configured";
  if (state->rows[tile] == 0)
    return "a tile is used that the configuration leaves out";
  return 0;
}

static void zero_from(tile_state *state, unsigned tile, unsigned row) {
  for (; row < TILE_ROWS; ++row)
    memset(state->data[tile][row], 0, TILE_ROW_BYTES);
}

static const char *load(tile_state *state, const tile_instruction *op) {
  unsigned tile = op->destination;
  if (state->start_row >= state->rows[tile])
    return "start_row lies behind the tile's last row";
  for (unsigned row = state->start_row; row < state->rows[tile]; ++row) {
    uint8_t *to = state->data[tile][row];
    memset(to, 0, TILE_ROW_BYTES);
    memcpy(to, (const void *)(op->address + row * op->stride),
           state->row_bytes[tile]);
  }
  zero_from(state, tile, state->rows[tile]);
  state->start_row = 0;
  return 0;
}

static const char *store(tile_state *state, const tile_instruction *op) {
  unsigned tile = op->destination;
  if (state->start_row >= state->rows[tile])
    return "start_row lies behind the tile's last row";
  for (unsigned row = state->start_row; row < state->rows[tile]; ++row)
    memcpy((void *)(op->address + row * op->stride), state->data[tile][row],
           state->row_bytes[tile]);
  state->start_row = 0;
  return 0;
}

static const char *check_product(const tile_state *state,
                                 const tile_instruction *op) {
  unsigned c = op->destination, a = op->first, b = op->second;
  if (a == b || a == c || b == c)
    return "the three tiles of a product are not different ones";
  unsigned tiles[3] = {c, a, b};
  for (int i = 0; i < 3; ++i) {
    const char *wrong = check_tile(state, tiles[i]);
    if (wrong)
      return wrong;
    if (state->row_bytes[tiles[i]] % 4)
      return "the bytes of a row are no multiple of 4";
  }
  if (state->start_row)
    return "start_row is not 0 in a product";
  if (state->rows[c] != state->rows[a])
    return "the result and the first factor differ in rows";
  if (state->row_bytes[c] != state->row_bytes[b])
    return "the result and the second factor differ in columns";
  if (state->row_bytes[a] / 4 != state->rows[b])
    return "the first factor's columns differ from the second one's rows";
  return 0;
}

static void multiply_integers(tile_state *state, const tile_instruction *op,
                              int first_signed, int second_signed) {
  unsigned c = op->destination;
  unsigned depth = state->row_bytes[op->first];
  unsigned columns = state->row_bytes[c] / 4;
  for (unsigned m = 0; m < state->rows[c]; ++m) {
    uint32_t row[TILE_ROW_BYTES / 4];
    memcpy(row, state->data[c][m], sizeof row);
    for (unsigned k = 0; k < depth; ++k) {
      uint8_t a = state->data[op->first][m][k];
      int32_t left = first_signed ? (int8_t)a : a;
      const uint8_t *b = &state->data[op->second][k / 4][k % 4];
      for (unsigned n = 0; n < columns; ++n) {
        int32_t right = second_signed ? (int8_t)b[4 * n] : b[4 * n];
        row[n] += (uint32_t)(left * right);
      }
    }
    memset(row + columns, 0, sizeof row - 4 * columns);
    memcpy(state->data[c][m], row, sizeof row);
  }
  zero_from(state, c, state->rows[c]);
}

static float widen(const uint8_t *bf16) {
  uint8_t bytes[4] = {0, 0, bf16[0], bf16[1]};
  float value;
  memcpy(&value, bytes, 4);
  return value;
}

/* The architecture's order: two sums that start at zero, one over the first and
 * one over the second elements of the pairs, fused multiply-adds in the order
 * of k; then their sum; then the accumulator. */
__attribute__((noinline, target("fma"))) static void
multiply_bf16(tile_state *state, const tile_instruction *op) {
  unsigned c = op->destination;
  unsigned depth = state->row_bytes[op->first] / 4;
  unsigned columns = state->row_bytes[c] / 4;
  for (unsigned m = 0; m < state->rows[c]; ++m) {
    float even[TILE_ROW_BYTES / 4] = {0}, odd[TILE_ROW_BYTES / 4] = {0};
    for (unsigned k = 0; k < depth; ++k) {
      const uint8_t *a = &state->data[op->first][m][4 * k];
      const uint8_t *b = state->data[op->second][k];
      for (unsigned n = 0; n < columns; ++n) {
        even[n] = __builtin_fmaf(widen(a), widen(b + 4 * n), even[n]);
        odd[n] = __builtin_fmaf(widen(a + 2), widen(b + 4 * n + 2), odd[n]);
      }
    }
    float row[TILE_ROW_BYTES / 4] = {0};
    memcpy(row, state->data[c][m], 4 * columns);
    for (unsigned n = 0; n < columns; ++n)
      row[n] += even[n] + odd[n];
    memcpy(state->data[c][m], row, sizeof row);
  }
  zero_from(state, c, state->rows[c]);
}

static const char *multiply(tile_state *state, const tile_instruction *op) {
  const char *wrong = check_product(state, op);
  if (wrong)
    return wrong;
  if (op->kind == AMX_TDPBF16PS) {
    unsigned control = _mm_getcsr();
    _mm_setcsr(TILE_FLOAT_STATE);
    multiply_bf16(state, op);
    _mm_setcsr(control);
    return 0;
  }
  multiply_integers(state, op,
                    op->kind == AMX_TDPBSSD || op->kind == AMX_TDPBSUD,
                    op->kind == AMX_TDPBSSD || op->kind == AMX_TDPBUSD);
  return 0;
}

const char *tile_execute(tile_state *state, const tile_instruction *op) {
  switch (op->kind) {
  case AMX_LDTILECFG:
    return load_configuration(state, (const uint8_t *)op->address);
  case AMX_STTILECFG:
    store_configuration(state, (uint8_t *)op->address);
    return 0;
  case AMX_TILERELEASE:
    memset(state, 0, sizeof *state);
    return 0;
  default:
    break;
  }
  const char *wrong = check_tile(state, op->destination);
  if (wrong)
    return wrong;
  switch (op->kind) {
  case AMX_TILEZERO:
    zero_from(state, op->destination, 0);
    state->start_row = 0;
    return 0;
  case AMX_TILELOADD:
  case AMX_TILELOADDT1:
    return load(state, op);
  case AMX_TILESTORED:
    return store(state, op);
  default:
    return multiply(state, op);
  }
}
