#include "tools/ashlar-conformance/Workers.h"
#include <csignal>
#include <cstdio>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace ashlar::conformance;

namespace {

/// What cases do: 3 prints and dies, 5 leaves with an exit code, 6 never ends.
Result act(unsigned index) {
  if (index == 3) {
    ::fprintf(stderr, "an assertion that does not hold\n");
    ::raise(SIGKILL);
  }
  if (index == 5)
    ::_exit(9);
  while (index == 6)
    ::pause();
  return {index % 2 ? Outcome::Passed : Outcome::Unsupported,
          "case " + std::to_string(index)};
}

TEST(Workers, aCrashIsAResultLikeAnyOther) {
  unsigned announced = 0;
  std::vector<Result> results = runInChildren(
      20, 2, 1, act, [&](unsigned, const Result &) { ++announced; });
  EXPECT_EQ(announced, 20u);
  for (unsigned i = 0; i < 20; ++i) {
    if (i == 3 || i == 5 || i == 6)
      continue;
    EXPECT_EQ(results[i].outcome,
              i % 2 ? Outcome::Passed : Outcome::Unsupported);
    EXPECT_EQ(results[i].detail, "case " + std::to_string(i));
  }
  EXPECT_EQ(results[3].outcome, Outcome::Crashed);
  EXPECT_EQ(results[3].detail, "Killed: an assertion that does not hold");
  EXPECT_EQ(results[5].outcome, Outcome::Crashed);
  EXPECT_EQ(results[5].detail, "exit code 9");
  EXPECT_EQ(results[6].outcome, Outcome::TimedOut);
}

TEST(Workers, nothingToDo) {
  EXPECT_TRUE(
      runInChildren(0, 2, 1, act, [](unsigned, const Result &) {}).empty());
}

} // namespace
