/* All tile instructions are VEX.128.0F38.W0, opcodes 49, 4B, 5C and 5E; the
 * implied prefix tells them apart. */
#include "test/amx-emulation/tile_instruction.h"

#include <string.h>

enum { PREFIX_NONE, PREFIX_66, PREFIX_F3, PREFIX_F2 };

struct vex {
  unsigned prefix, opcode;
  unsigned r, x, b; /* high bits of register numbers */
  unsigned vvvv;
};

static int read_vex(const uint8_t *code, struct vex *out) {
  if (code[0] != 0xc4 || (code[1] & 0x1f) != 2 || (code[2] & 0x84) != 0)
    return 0; /* another escape or map, W1, or a length of 256 */
  out->r = (~code[1] >> 7 & 1) << 3;
  out->x = (~code[1] >> 6 & 1) << 3;
  out->b = (~code[1] >> 5 & 1) << 3;
  out->vvvv = ~(code[2] >> 3) & 15;
  out->prefix = code[2] & 3;
  out->opcode = code[3];
  return 1;
}

static int64_t signed32(const uint8_t *at) {
  int32_t value;
  memcpy(&value, at, 4);
  return value;
}

/* ModRM at code[4], SIB, displacement. */
static void read_address(const uint8_t *code, const struct vex *vex,
                         const uint64_t registers[16], tile_instruction *out) {
  unsigned mod = code[4] >> 6, rm = code[4] & 7;
  const uint8_t *at = code + 5;
  uint64_t base = 0;
  int has_base = 1, relative = 0;
  out->stride = 0;
  if (rm == 4) {
    unsigned sib = *at++;
    unsigned index = (sib >> 3 & 7) | vex->x;
    if (index != 4)
      out->stride = registers[index] << (sib >> 6);
    has_base = !(mod == 0 && (sib & 7) == 5);
    if (has_base)
      base = registers[(sib & 7) | vex->b];
  } else if (mod == 0 && rm == 5) {
    has_base = 0;
    relative = 1;
  } else {
    base = registers[rm | vex->b];
  }
  int64_t displacement = 0;
  if (mod == 1) {
    displacement = (int8_t)*at++;
  } else if (mod == 2 || !has_base) {
    displacement = signed32(at);
    at += 4;
  }
  out->length = (unsigned)(at - code);
  if (relative)
    base = (uint64_t)code + out->length;
  out->address = base + (uint64_t)displacement;
}

static int decode_configuration(const uint8_t *code, const struct vex *vex,
                                const uint64_t registers[16],
                                tile_instruction *out) {
  unsigned modrm = code[4];
  out->length = 5;
  if (modrm >> 6 == 3) {
    out->destination = modrm >> 3 & 7;
    if (vex->prefix == PREFIX_F2 && (modrm & 7) == 0 && vex->r == 0)
      out->kind = AMX_TILEZERO;
    else if (vex->prefix == PREFIX_NONE && modrm == 0xc0)
      out->kind = AMX_TILERELEASE;
    else
      return 0;
    return 1;
  }
  if ((modrm >> 3 & 7) != 0)
    return 0;
  if (vex->prefix == PREFIX_NONE)
    out->kind = AMX_LDTILECFG;
  else if (vex->prefix == PREFIX_66)
    out->kind = AMX_STTILECFG;
  else
    return 0;
  read_address(code, vex, registers, out);
  if ((modrm & 7) == 4) /* an index is a part of the address here */
    out->address += out->stride;
  return 1;
}

static int decode_move(const uint8_t *code, const struct vex *vex,
                       const uint64_t registers[16], tile_instruction *out) {
  static const int kinds[4] = {-1, AMX_TILELOADDT1, AMX_TILESTORED,
                               AMX_TILELOADD};
  unsigned modrm = code[4];
  if (kinds[vex->prefix] < 0 || modrm >> 6 == 3 || (modrm & 7) != 4 || vex->r)
    return 0;
  out->kind = (amx_kind)kinds[vex->prefix];
  out->destination = modrm >> 3 & 7;
  read_address(code, vex, registers, out);
  return 1;
}

static int decode_product(const uint8_t *code, const struct vex *vex,
                          tile_instruction *out) {
  static const amx_kind integers[4] = {AMX_TDPBUUD, AMX_TDPBUSD, AMX_TDPBSUD,
                                       AMX_TDPBSSD};
  unsigned modrm = code[4];
  if (modrm >> 6 != 3 || vex->r || vex->b || vex->vvvv > 7)
    return 0;
  if (vex->opcode == 0x5e)
    out->kind = integers[vex->prefix];
  else if (vex->prefix == PREFIX_F3)
    out->kind = AMX_TDPBF16PS;
  else
    return 0;
  out->length = 5;
  out->destination = modrm >> 3 & 7;
  out->first = modrm & 7;
  out->second = vex->vvvv;
  return 1;
}

int tile_decode(const uint8_t *code, const uint64_t registers[16],
                tile_instruction *out) {
  struct vex vex;
  memset(out, 0, sizeof *out);
  if (!read_vex(code, &vex))
    return 0;
  switch (vex.opcode) {
  case 0x49:
    return vex.vvvv == 0 && decode_configuration(code, &vex, registers, out);
  case 0x4b:
    return vex.vvvv == 0 && decode_move(code, &vex, registers, out);
  case 0x5c:
  case 0x5e:
    return decode_product(code, &vex, out);
  default:
    return 0;
  }
}
