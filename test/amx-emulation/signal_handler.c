/* SIGILL at a tile instruction: do what it says and go on behind it. */
#define _GNU_SOURCE
#include "test/amx-emulation/tile_state.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static _Thread_local tile_state state;
static atomic_uint_fast64_t counts[AMX_NUM_KINDS];
static atomic_uint_fast64_t misaligned;
static atomic_int alignment_required;
static struct sigaction previous;

const char *amx_kind_name(amx_kind kind) {
  static const char *const names[AMX_NUM_KINDS] = {
      "ldtilecfg", "sttilecfg",   "tilerelease", "tilezero",
      "tileloadd", "tileloaddt1", "tilestored",  "tdpbssd",
      "tdpbsud",   "tdpbusd",     "tdpbuud",     "tdpbf16ps"};
  return kind < AMX_NUM_KINDS ? names[kind] : "?";
}

uint64_t amx_emulation_count(amx_kind kind) {
  return atomic_load(&counts[kind]);
}

void amx_emulation_reset_counts(void) {
  for (int kind = 0; kind < AMX_NUM_KINDS; ++kind)
    atomic_store(&counts[kind], 0);
  atomic_store(&misaligned, 0);
}

uint64_t amx_emulation_misaligned_rows(void) {
  return atomic_load(&misaligned);
}

void amx_emulation_require_alignment(int required) {
  atomic_store(&alignment_required, required);
}

static void end_program(const tile_instruction *op, uint64_t at,
                        const char *why) {
  char text[1024];
  int length = snprintf(
      text, sizeof text,
      "amx-emulation: %s at %#llx: %s\n  tiles %u, %u, %u; address %#llx, "
      "stride %lld; palette %u, start_row %u\n",
      amx_kind_name(op->kind), (unsigned long long)at, why, op->destination,
      op->first, op->second, (unsigned long long)op->address,
      (long long)op->stride, state.palette, state.start_row);
  for (int tile = 0; tile < TILE_COUNT && length < (int)sizeof text; ++tile)
    length += snprintf(text + length, sizeof text - (size_t)length,
                       "  tile %d: %u rows of %u bytes\n", tile,
                       state.rows[tile], state.row_bytes[tile]);
  if (length > (int)sizeof text)
    length = (int)sizeof text;
  ssize_t written = write(2, text, (size_t)length);
  (void)written;
  signal(SIGABRT, SIG_DFL);
  abort();
}

/* How many of the rows that the instruction moves start inside a line. */
static unsigned misaligned_rows(const tile_instruction *op) {
  if (op->kind != AMX_TILELOADD && op->kind != AMX_TILELOADDT1 &&
      op->kind != AMX_TILESTORED)
    return 0;
  unsigned count = 0;
  for (unsigned row = 0; row < state.rows[op->destination]; ++row)
    count += (op->address + row * op->stride) % 64 != 0;
  return count;
}

static void read_registers(const ucontext_t *context, uint64_t out[16]) {
  static const int order[16] = {
      REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
      REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  for (int i = 0; i < 16; ++i)
    out[i] = (uint64_t)context->uc_mcontext.gregs[order[i]];
}

static void hand_on(int number, siginfo_t *info, void *context) {
  if (previous.sa_flags & SA_SIGINFO) {
    previous.sa_sigaction(number, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(number);
  } else {
    /* The instruction is met again, and the default ends the program. */
    signal(number, SIG_DFL);
  }
}

static void on_illegal_instruction(int number, siginfo_t *info, void *opaque) {
  ucontext_t *context = opaque;
  uint64_t at = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
  uint64_t registers[16];
  tile_instruction op;
  read_registers(context, registers);
  if (!tile_decode((const uint8_t *)at, registers, &op)) {
    hand_on(number, info, opaque);
    return;
  }
  const char *wrong = tile_execute(&state, &op);
  if (wrong)
    end_program(&op, at, wrong);
  atomic_fetch_add_explicit(&counts[op.kind], 1, memory_order_relaxed);
  unsigned rows = misaligned_rows(&op);
  if (rows) {
    atomic_fetch_add_explicit(&misaligned, rows, memory_order_relaxed);
    if (atomic_load(&alignment_required))
      end_program(&op, at, "a row does not start at a multiple of 64 bytes");
  }
  context->uc_mcontext.gregs[REG_RIP] += op.length;
}

void amx_emulation_install(void) {
  struct sigaction action, old;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_illegal_instruction;
  /* Another tile instruction may be met in a handler that comes meanwhile. */
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGILL, &action, &old);
  if (!(old.sa_flags & SA_SIGINFO) ||
      old.sa_sigaction != on_illegal_instruction)
    previous = old;
}
