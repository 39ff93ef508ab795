#include "passes/kernel/TaskShares.h"

#include "gtest/gtest.h"

using namespace ashlar;

namespace {

constexpr int64_t kLarge = int64_t(1) << 34; // multiply-accumulates

TEST(TaskSharesTest, NumbersThatDivideEvenlyStay) {
  TaskAxis rows{14, 2}, channels{8, 4};
  evenTasks(1, kLarge, rows, channels);
  EXPECT_EQ(rows.parts, 2);
  EXPECT_EQ(channels.parts, 4);
}

// 13 tasks would give two workers 7 and 6. 49 tiles have no even cut: the least
// number of tasks.
TEST(TaskSharesTest, OddNumbersAreCutFurther) {
  TaskAxis rows{49, 13}, channels{1, 1};
  evenTasks(1, kLarge, rows, channels);
  EXPECT_EQ(rows.parts, 16);
}

// 24 tiles in 24 tasks are equal, in 16 they are not.
TEST(TaskSharesTest, EqualTasksArePreferred) {
  TaskAxis rows{1, 1}, channels{24, 12};
  evenTasks(1, kLarge, rows, channels);
  EXPECT_EQ(channels.parts, 24);
}

TEST(TaskSharesTest, SmallWorkIsNotCut) {
  TaskAxis rows{49, 13}, channels{1, 1};
  evenTasks(1, 13 << 19, rows, channels);
  EXPECT_EQ(rows.parts, 13);
}

// With few pieces, what divides by 4 or 2 is taken.
TEST(TaskSharesTest, FewPieces) {
  TaskAxis rows{7, 3}, channels{1, 1};
  evenTasks(1, kLarge, rows, channels);
  EXPECT_EQ(rows.parts, 4);
}

// Every piece belongs to one part, and parts differ by one piece at most.
TEST(TaskSharesTest, PartsCoverAllPieces) {
  mlir::MLIRContext context;
  IndexArithmetic b(mlir::UnknownLoc::get(&context), &context);
  for (int64_t pieces : {7, 16, 49})
    for (int64_t parts : {1, 3, 7}) {
      int64_t before = 0;
      for (int64_t part = 1; part <= parts; ++part) {
        int64_t end = *b.known(
            firstPiece(b, b.fixed(part), b.fixed(pieces), b.fixed(parts)));
        EXPECT_GE(end - before, pieces / parts);
        EXPECT_LE(end - before, pieces / parts + 1);
        before = end;
      }
      EXPECT_EQ(before, pieces);
    }
}

} // namespace
