// Tile instructions one by one, against what the architecture's manual says
// they do. On a machine with AMX the same tests run on the real thing, without
// what only the emulation can tell (counts, faults).
#include "runtime/platform/cpu.h"
#include "test/amx-emulation/amx_emulation.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <thread>

namespace {

struct alignas(64) Configuration {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t rowBytes[16] = {};
  uint8_t rows[16] = {};

  Configuration &tile(int index, int rowCount, int bytes) {
    rows[index] = uint8_t(rowCount);
    rowBytes[index] = uint16_t(bytes);
    return *this;
  }
};
static_assert(sizeof(Configuration) == 64);

struct alignas(64) Tile {
  uint8_t bytes[16][64];

  template <class T> T &at(int row, int column) {
    return reinterpret_cast<T *>(bytes[row])[column];
  }
};

Tile filled(uint8_t value) {
  Tile tile;
  memset(tile.bytes, value, sizeof tile.bytes);
  return tile;
}

Tile random(unsigned seed) {
  std::mt19937 engine(seed);
  Tile tile;
  for (auto &row : tile.bytes)
    for (uint8_t &byte : row)
      byte = uint8_t(engine());
  return tile;
}

void configure(const Configuration &c) {
  __asm__ volatile("ldtilecfg %0" ::"m"(c));
}

template <int N> void load(const Tile &tile, int64_t stride = 64) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(tile.bytes),
                   "r"(stride), "i"(N)
                   : "memory");
}

template <int N> void store(Tile &tile, int64_t stride = 64) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(tile.bytes),
                   "r"(stride), "i"(N)
                   : "memory");
}

bool isEmulated() {
  return !(ashlar_platform_cpuid_features() & ASHLAR_CPU_AMX_TILE);
}

class Amx : public testing::Test {
protected:
  void SetUp() override {
    if (isEmulated())
      amx_emulation_install();
    else
      ASSERT_EQ(ashlar_platform_amx(), ASHLAR_AMX_USABLE);
    amx_emulation_reset_counts();
  }
  void TearDown() override { __asm__ volatile("tilerelease"); }

  void expectCount(amx_kind kind, uint64_t expected) {
    if (isEmulated())
      EXPECT_EQ(amx_emulation_count(kind), expected) << amx_kind_name(kind);
  }
};

class AmxFault : public Amx {
protected:
  void SetUp() override {
    Amx::SetUp();
    if (!isEmulated())
      GTEST_SKIP() << "real AMX does not explain its faults";
  }
};

TEST_F(Amx, ConfigurationIsStoredAsItWasLoaded) {
  Configuration given, found;
  given.tile(0, 16, 64).tile(3, 5, 20).tile(7, 1, 4);
  memset(&found, 0xff, sizeof found);
  configure(given);
  __asm__ volatile("sttilecfg %0" : "=m"(found));
  EXPECT_EQ(memcmp(&given, &found, 64), 0);
  __asm__ volatile("tilerelease");
  __asm__ volatile("sttilecfg %0" : "=m"(found));
  Configuration none;
  none.palette = 0;
  EXPECT_EQ(memcmp(&none, &found, 64), 0);
  expectCount(AMX_LDTILECFG, 1);
  expectCount(AMX_STTILECFG, 2);
  expectCount(AMX_TILERELEASE, 1);
}

Configuration global;

TEST_F(Amx, ConfigurationIsAddressedInEveryWay) {
  Configuration found;
  global = Configuration().tile(2, 7, 12);
  alignas(64) Configuration table[4];
  table[3] = Configuration().tile(6, 9, 36);
  auto check = [&](const Configuration &expected) {
    __asm__ volatile("sttilecfg %0" : "=m"(found));
    EXPECT_EQ(memcmp(&expected, &found, 64), 0);
    configure(Configuration().tile(0, 1, 4));
  };
  __asm__ volatile("ldtilecfg %0" ::"m"(global)); // relative to rip
  check(global);
  __asm__ volatile("ldtilecfg (%0,%1,8)" ::"r"(table), "r"(int64_t(24))
                   : "memory");
  check(table[3]);
  register void *high __asm__("r13") = table;
  __asm__ volatile("ldtilecfg 192(%0)" ::"r"(high) : "memory");
  check(table[3]);
  __asm__ volatile("ldtilecfg -1024(%0)" ::"r"(table + 19) : "memory");
  check(table[3]);
  Configuration copy = table[3];
  __asm__ volatile(
      "push %%rbx\n mov %%rsp, %%rbx\n lea -192(%0), %%rsp\n"
      "ldtilecfg 192(%%rsp)\n mov %%rbx, %%rsp\n pop %%rbx" ::"r"(&copy)
      : "rbx", "memory");
  check(copy);
}

TEST_F(Amx, LoadAndStoreKeepToTheTilesShape) {
  configure(Configuration().tile(1, 5, 20));
  Tile source = random(1), result = filled(0xaa);
  load<1>(source);
  store<1>(result);
  for (int row = 0; row < 16; ++row)
    for (int byte = 0; byte < 64; ++byte)
      EXPECT_EQ(result.bytes[row][byte],
                row < 5 && byte < 20 ? source.bytes[row][byte] : 0xaa);
  // What lies outside the shape is zero, as a wider configuration cannot show
  // (loading one clears the tiles), but a product can.
  expectCount(AMX_TILELOADD, 1);
  expectCount(AMX_TILESTORED, 1);
}

TEST_F(Amx, RowsAreAddressedInEveryWay) {
  configure(Configuration().tile(0, 4, 16));
  alignas(64) uint8_t memory[4096];
  for (size_t i = 0; i < sizeof memory; ++i)
    memory[i] = uint8_t(i * 7 + i / 256);
  Tile result;
  auto check = [&](int64_t first, int64_t stride) {
    store<0>(result);
    for (int row = 0; row < 4; ++row)
      EXPECT_EQ(memcmp(result.bytes[row], memory + first + row * stride, 16), 0)
          << "row " << row << " from " << first << " by " << stride;
    __asm__ volatile("tilezero %%tmm0" ::);
  };
  int64_t stride = 72;
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm0" ::"r"(memory), "r"(stride));
  check(0, 72);
  __asm__ volatile("tileloadd 100(%0,%1,2), %%tmm0" ::"r"(memory), "r"(stride));
  check(100, 144);
  __asm__ volatile("tileloaddt1 1000(%0,%1,4), %%tmm0" ::"r"(memory),
                   "r"(stride));
  check(1000, 288);
  __asm__ volatile("tileloadd -16(%0,%1,8), %%tmm0" ::"r"(memory + 16),
                   "r"(stride));
  check(0, 576);
  __asm__ volatile("tileloadd 64(%0), %%tmm0" ::"r"(memory)); // stride 0
  check(64, 0);
  stride = -64;
  __asm__ volatile("tileloadd 640(%0,%1,1), %%tmm0" ::"r"(memory), "r"(stride));
  check(640, -64);
  register uint8_t *base __asm__("r12") = memory;
  register int64_t index __asm__("r13") = 80;
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm0" ::"r"(base), "r"(index));
  check(0, 80);
  register uint8_t *base13 __asm__("r13") = memory;
  register int64_t index9 __asm__("r9") = 80;
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm0" ::"r"(base13), "r"(index9));
  check(0, 80);
  expectCount(AMX_TILELOADDT1, 1);
  expectCount(AMX_TILEZERO, 8);
}

// C[m][n] += sum of A[m][k] * B[k/4][4n + k%4], bytes read as `A` and `B` say.
template <class A, class B>
void referenceProduct(Tile &c, Tile &a, Tile &b, int rows, int columns,
                      int depth) {
  for (int m = 0; m < rows; ++m)
    for (int n = 0; n < columns; ++n) {
      int64_t sum = c.at<int32_t>(m, n);
      for (int k = 0; k < depth; ++k)
        sum += int64_t(a.at<A>(m, k)) * b.at<B>(k / 4, 4 * n + k % 4);
      c.at<uint32_t>(m, n) = uint32_t(sum);
    }
}

template <class A, class B, class Run>
void checkIntegers(int rows, int columns, int depth, Run run) {
  configure(Configuration()
                .tile(0, rows, 4 * columns)
                .tile(4, rows, depth)
                .tile(6, depth / 4, 4 * columns));
  Tile a = random(1), b = random(2), c = random(3), expected = c, result = c;
  load<0>(c);
  load<4>(a);
  load<6>(b);
  run();
  store<0>(result);
  referenceProduct<A, B>(expected, a, b, rows, columns, depth);
  EXPECT_EQ(memcmp(result.bytes, expected.bytes, sizeof result.bytes), 0)
      << rows << " x " << columns << " x " << depth;
}

template <class A, class B, class Run> void sweepIntegers(Run run) {
  for (int rows : {1, 7, 16})
    for (int columns : {1, 5, 16})
      for (int depth : {4, 12, 64})
        checkIntegers<A, B>(rows, columns, depth, run);
}

TEST_F(Amx, Tdpbssd) {
  sweepIntegers<int8_t, int8_t>(
      [] { __asm__ volatile("tdpbssd %%tmm6, %%tmm4, %%tmm0" ::); });
  expectCount(AMX_TDPBSSD, 27);
}
TEST_F(Amx, Tdpbsud) {
  sweepIntegers<int8_t, uint8_t>(
      [] { __asm__ volatile("tdpbsud %%tmm6, %%tmm4, %%tmm0" ::); });
  expectCount(AMX_TDPBSUD, 27);
}
TEST_F(Amx, Tdpbusd) {
  sweepIntegers<uint8_t, int8_t>(
      [] { __asm__ volatile("tdpbusd %%tmm6, %%tmm4, %%tmm0" ::); });
  expectCount(AMX_TDPBUSD, 27);
}
TEST_F(Amx, Tdpbuud) {
  sweepIntegers<uint8_t, uint8_t>(
      [] { __asm__ volatile("tdpbuud %%tmm6, %%tmm4, %%tmm0" ::); });
  expectCount(AMX_TDPBUUD, 27);
}

uint16_t bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return uint16_t(bits >> 16);
}

float productOf(std::initializer_list<float> a, std::initializer_list<float> b,
                float start) {
  configure(Configuration()
                .tile(1, 1, 4)
                .tile(2, 1, int(2 * a.size()))
                .tile(3, int(a.size() / 2), 4));
  Tile left = filled(0), right = filled(0), sum = filled(0);
  for (size_t k = 0; k < a.size(); ++k) {
    left.at<uint16_t>(0, int(k)) = bf16(a.begin()[k]);
    right.at<uint16_t>(int(k / 2), int(k % 2)) = bf16(b.begin()[k]);
  }
  sum.at<float>(0, 0) = start;
  load<1>(sum);
  load<2>(left);
  load<3>(right);
  __asm__ volatile("tdpbf16ps %%tmm3, %%tmm2, %%tmm1" ::);
  store<1>(sum);
  return sum.at<float>(0, 0);
}

constexpr float kBig = 1073741824.f; // 2^30: swallows ones

TEST_F(Amx, Tdpbf16psAddsInTheArchitecturesOrder) {
  EXPECT_EQ(productOf({1, 2, 3, 4}, {5, 6, 7, 8}, 9), 79.f);
  // Both places of the pairs have sums of their own ...
  EXPECT_EQ(productOf({kBig, 1, -kBig, 1}, {1, 1, 1, 1}, 0), 2.f);
  // ... in the order of k ...
  EXPECT_EQ(productOf({kBig, 0, 1, 0, -kBig, 0}, {1, 1, 1, 1, 1, 1}, 0), 0.f);
  EXPECT_EQ(productOf({kBig, 0, -kBig, 0, 1, 0}, {1, 1, 1, 1, 1, 1}, 0), 1.f);
  // ... and meet the accumulator last.
  EXPECT_EQ(productOf({1, 1, -kBig, 0}, {1, 1, 1, 1}, kBig), 0.f);
  EXPECT_EQ(productOf({kBig, -kBig, 1, 0}, {1, 1, 1, 0}, 1), 1.f);
}

TEST_F(Amx, Tdpbf16psTakesDenormalsAsZero) {
  const float denormal = 0x1p-130f, large = 0x1p+120f;
  EXPECT_EQ(productOf({denormal, 0}, {large, 0}, 0), 0.f);
  EXPECT_EQ(productOf({0x1p-70f, 0}, {0x1p-70f, 0}, 0), 0.f);
  EXPECT_EQ(productOf({0x1p-64f, 0}, {0x1p-64f, 0}, 0), 0.f);
  EXPECT_EQ(productOf({0x1p-63f, 0}, {0x1p-63f, 0}, 0), 0x1p-126f);
  EXPECT_EQ(productOf({0, 0}, {0, 0}, denormal), 0.f);
}

TEST_F(Amx, Tdpbf16psOfFullTiles) {
  configure(Configuration().tile(0, 16, 64).tile(1, 16, 64).tile(2, 16, 64));
  Tile a, b, c = filled(0);
  for (int row = 0; row < 16; ++row)
    for (int i = 0; i < 32; ++i) {
      a.at<uint16_t>(row, i) = bf16(float((row * 5 + i * 3) % 17 - 8));
      b.at<uint16_t>(row, i) = bf16(float((row * 7 + i * 11) % 13 - 6));
    }
  load<0>(c);
  load<1>(a);
  load<2>(b);
  __asm__ volatile("tdpbf16ps %%tmm2, %%tmm1, %%tmm0" ::);
  store<0>(c);
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 16; ++n) {
      int sum = 0; // small integers: exact in any order
      for (int k = 0; k < 32; ++k)
        sum += ((m * 5 + k * 3) % 17 - 8) *
               ((k / 2 * 7 + (2 * n + k % 2) * 11) % 13 - 6);
      EXPECT_EQ(c.at<float>(m, n), float(sum)) << m << ' ' << n;
    }
  expectCount(AMX_TDPBF16PS, 1);
}

TEST_F(Amx, ThreadsHaveTilesOfTheirOwn) {
  configure(Configuration().tile(0, 16, 64));
  Tile mine = random(1), result;
  load<0>(mine);
  std::thread([] {
    Configuration found;
    __asm__ volatile("sttilecfg %0" : "=m"(found));
    EXPECT_EQ(found.palette, 0);
    configure(Configuration().tile(0, 16, 64));
    Tile other = random(2), back;
    load<0>(other);
    store<0>(back);
    EXPECT_EQ(memcmp(back.bytes, other.bytes, sizeof back.bytes), 0);
    __asm__ volatile("tilerelease");
  }).join();
  store<0>(result);
  EXPECT_EQ(memcmp(result.bytes, mine.bytes, sizeof result.bytes), 0);
}

TEST_F(Amx, VectorRegistersAndFlagsSurvive) {
  configure(Configuration().tile(0, 16, 64));
  Tile tile = random(1);
  uint64_t value = 0x0123456789abcdef, found;
  bool carry;
  __asm__ volatile("vmovq %2, %%xmm5\n stc\n tileloadd (%3,%4,1), %%tmm0\n"
                   "setc %1\n vmovq %%xmm5, %0"
                   : "=r"(found), "=q"(carry)
                   : "r"(value), "r"(tile.bytes), "r"(int64_t(64))
                   : "xmm5", "cc");
  EXPECT_EQ(found, value);
  EXPECT_TRUE(carry);
}

TEST_F(Amx, MisalignedRowsAreCounted) {
  if (!isEmulated())
    GTEST_SKIP() << "real AMX does not count";
  configure(Configuration().tile(0, 3, 64));
  alignas(64) uint8_t memory[512] = {};
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm0" ::"r"(memory),
                   "r"(int64_t(64)));
  EXPECT_EQ(amx_emulation_misaligned_rows(), 0u);
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm0" ::"r"(memory),
                   "r"(int64_t(32)));
  EXPECT_EQ(amx_emulation_misaligned_rows(), 1u);
  __asm__ volatile("tileloadd 4(%0,%1,1), %%tmm0" ::"r"(memory),
                   "r"(int64_t(64)));
  EXPECT_EQ(amx_emulation_misaligned_rows(), 4u);
}

TEST_F(AmxFault, MisalignedRowsWhereThatIsForbidden) {
  alignas(64) static uint8_t memory[512];
  EXPECT_DEATH(
      {
        amx_emulation_require_alignment(1);
        configure(Configuration().tile(0, 3, 64));
        __asm__ volatile("tileloadd 4(%0), %%tmm0" ::"r"(memory));
      },
      "tileloadd at .*: a row does not start at a multiple of 64 bytes");
}

TEST_F(AmxFault, WrongConfigurations) {
  auto with = [](auto change) {
    Configuration c;
    c.tile(0, 16, 64);
    change(c);
    configure(c);
  };
  EXPECT_DEATH(with([](auto &c) { c.palette = 2; }), "palette is neither");
  EXPECT_DEATH(with([](auto &c) { c.rows[0] = 17; }), "more than 16 rows");
  EXPECT_DEATH(with([](auto &c) { c.rowBytes[0] = 65; }), "or 64 bytes");
  EXPECT_DEATH(with([](auto &c) { c.rows[0] = 0; }), "bytes without rows");
  EXPECT_DEATH(with([](auto &c) { c.rows[8] = 1; }), "reserved bytes");
  EXPECT_DEATH(with([](auto &c) { c.reserved[3] = 1; }), "reserved bytes");
}

TEST_F(AmxFault, WrongUses) {
  static Tile tile;
  EXPECT_DEATH(load<0>(tile), "tileloadd at .*: no tiles are configured");
  EXPECT_DEATH(
      {
        configure(Configuration().tile(0, 1, 4));
        load<1>(tile);
      },
      "the configuration leaves out");
  EXPECT_DEATH(
      {
        Configuration c;
        c.startRow = 4;
        configure(c.tile(0, 4, 4));
        load<0>(tile);
      },
      "start_row lies behind");
}

// Configures result, first and second factor and multiplies.
void multiply(int rows0, int bytes0, int rows1, int bytes1, int rows2,
              int bytes2) {
  configure(Configuration()
                .tile(0, rows0, bytes0)
                .tile(1, rows1, bytes1)
                .tile(2, rows2, bytes2));
  __asm__ volatile("tdpbusd %%tmm2, %%tmm1, %%tmm0" ::);
}

TEST_F(AmxFault, ShapesThatDoNotFit) {
  multiply(3, 20, 3, 8, 2, 20); // these fit
  EXPECT_DEATH(multiply(3, 20, 4, 8, 2, 20), "differ in rows");
  EXPECT_DEATH(multiply(3, 20, 3, 8, 2, 24), "differ in columns");
  EXPECT_DEATH(multiply(3, 20, 3, 12, 2, 20), "second one's rows");
  EXPECT_DEATH(multiply(3, 18, 3, 8, 2, 18), "no multiple of 4");
  EXPECT_DEATH(
      {
        configure(Configuration().tile(0, 1, 4).tile(1, 1, 4));
        // tdpbusd tmm0, tmm1, tmm1: the assembler refuses to write it.
        __asm__ volatile(".byte 0xc4, 0xe2, 0x71, 0x5e, 0xc1");
      },
      "not different ones");
}

TEST_F(AmxFault, OtherIllegalInstructionsStayFatal) {
  EXPECT_EXIT(__builtin_trap(), testing::KilledBySignal(SIGILL), "");
}

} // namespace
