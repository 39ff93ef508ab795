//===- Workers.cpp - cases in processes of their own ----------------------===//
#include "tools/ashlar-conformance/Workers.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/ErrorHandling.h"
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;
namespace ashlar::conformance {
namespace {

using Clock = std::chrono::steady_clock;

/// What a child sends before the text of a result.
struct Header {
  int32_t outcome;
  uint32_t length;
};

/// A child, its pipes and the case it works on. What it prints goes to a file
/// in memory: the last line often explains a crash.
struct Worker {
  pid_t process = -1;
  int requests = -1;
  int replies = -1;
  int printed = -1;
  int current = -1; // case, or -1: idle
  Clock::time_point since;
};

} // namespace

static bool readAll(int file, void *data, size_t bytes) {
  for (char *at = static_cast<char *>(data); bytes;) {
    ssize_t got = ::read(file, at, bytes);
    if (got <= 0)
      return false;
    at += got;
    bytes -= got;
  }
  return true;
}

static bool writeAll(int file, const void *data, size_t bytes) {
  return ::write(file, data, bytes) == static_cast<ssize_t>(bytes);
}

[[noreturn]] static void childMain(int requests, int replies,
                                   function_ref<Result(unsigned)> run) {
  for (int32_t index; readAll(requests, &index, sizeof index);) {
    Result result = run(index);
    Header header{static_cast<int32_t>(result.outcome),
                  static_cast<uint32_t>(result.detail.size())};
    writeAll(replies, &header, sizeof header);
    writeAll(replies, result.detail.data(), result.detail.size());
  }
  ::_exit(0);
}

static void start(Worker &worker, ArrayRef<Worker> all,
                  function_ref<Result(unsigned)> run) {
  int requests[2], replies[2];
  if (::pipe2(requests, O_CLOEXEC) || ::pipe2(replies, O_CLOEXEC))
    report_fatal_error("cannot make pipes");
  worker.printed = ::memfd_create("printed", MFD_CLOEXEC);
  // What stands in our buffers must not be printed by the child too.
  ::fflush(nullptr);
  worker.process = ::fork();
  if (worker.process < 0)
    report_fatal_error("cannot fork");
  if (worker.process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(worker.printed, STDOUT_FILENO);
    ::dup2(worker.printed, STDERR_FILENO);
    ::close(requests[1]);
    ::close(replies[0]);
    // A pipe of another child ends only when nobody else holds it.
    for (const Worker &other : all)
      if (other.process > 0) {
        ::close(other.requests);
        ::close(other.replies);
      }
    childMain(requests[0], replies[1], run);
  }
  ::close(requests[0]);
  ::close(replies[1]);
  worker.requests = requests[1];
  worker.replies = replies[0];
  worker.current = -1;
}

static void give(Worker &worker, int index) {
  // Only what this case prints is of interest.
  if (::ftruncate(worker.printed, 0) == 0)
    ::lseek(worker.printed, 0, SEEK_SET);
  worker.current = index;
  worker.since = Clock::now();
  int32_t request = index;
  writeAll(worker.requests, &request, sizeof request);
}

/// The last line that says something, for a case that ended its process.
static std::string lastWords(const Worker &worker) {
  char text[4096] = {};
  off_t size = ::lseek(worker.printed, 0, SEEK_END);
  off_t from = size > 4095 ? size - 4095 : 0;
  ssize_t got = ::pread(worker.printed, text, 4095, from);
  SmallVector<StringRef> lines;
  StringRef(text, got > 0 ? got : 0).split(lines, '\n', -1, false);
  for (StringRef line : reverse(lines)) {
    bool fromStackTrace = line.starts_with("#") || line.starts_with(" #") ||
                          line.starts_with("PLEASE") ||
                          line.starts_with("Stack dump") ||
                          line.contains("llvm-symbolizer");
    if (!fromStackTrace && !line.trim().empty())
      return line.trim().str();
  }
  return "";
}

static void end(Worker &worker) {
  ::close(worker.requests);
  ::close(worker.replies);
  ::close(worker.printed);
  worker.process = -1;
}

/// Reads the result of the case that `worker` has done, or finds out how it
/// died; then the worker is ended.
static Result receive(Worker &worker) {
  Result result;
  Header header;
  if (readAll(worker.replies, &header, sizeof header)) {
    result.outcome = static_cast<Outcome>(header.outcome);
    result.detail.resize(header.length);
    if (readAll(worker.replies, result.detail.data(), header.length))
      return result;
  }
  int status = 0;
  ::waitpid(worker.process, &status, 0);
  result.outcome = Outcome::Crashed;
  result.detail = WIFSIGNALED(status)
                      ? std::string(::strsignal(WTERMSIG(status)))
                      : "exit code " + std::to_string(WEXITSTATUS(status));
  std::string words = lastWords(worker);
  if (!words.empty())
    result.detail += ": " + words;
  end(worker);
  return result;
}

static Result kill(Worker &worker, unsigned timeoutSeconds) {
  ::kill(worker.process, SIGKILL);
  ::waitpid(worker.process, nullptr, 0);
  end(worker);
  Result result;
  result.outcome = Outcome::TimedOut;
  result.detail = "no result after " + std::to_string(timeoutSeconds) + " s";
  return result;
}

std::vector<Result>
runInChildren(unsigned count, unsigned processes, unsigned timeoutSeconds,
              function_ref<Result(unsigned)> run,
              function_ref<void(unsigned, const Result &)> done) {
  ::signal(SIGPIPE, SIG_IGN);
  std::vector<Result> results(count);
  std::vector<Worker> workers(processes);
  unsigned next = 0, finished = 0;
  auto settle = [&](Worker &worker, Result result, double seconds) {
    unsigned index = worker.current;
    worker.current = -1;
    result.seconds = seconds;
    results[index] = std::move(result);
    done(index, results[index]);
    ++finished;
  };
  while (finished < count) {
    SmallVector<pollfd> waiting;
    SmallVector<Worker *> waitingFor;
    for (Worker &worker : workers) {
      if (worker.current < 0 && next < count) {
        if (worker.process < 0)
          start(worker, workers, run);
        give(worker, next++);
      }
      if (worker.current >= 0) {
        waiting.push_back({worker.replies, POLLIN, 0});
        waitingFor.push_back(&worker);
      }
    }
    ::poll(waiting.data(), waiting.size(), 500);
    for (auto [file, worker] : zip(waiting, waitingFor)) {
      std::chrono::duration<double> spent = Clock::now() - worker->since;
      if (file.revents)
        settle(*worker, receive(*worker), spent.count());
      else if (spent.count() > timeoutSeconds)
        settle(*worker, kill(*worker, timeoutSeconds), spent.count());
    }
  }
  for (Worker &worker : workers)
    if (worker.process >= 0) {
      pid_t process = worker.process;
      end(worker);
      ::waitpid(process, nullptr, 0);
    }
  return results;
}

} // namespace ashlar::conformance
