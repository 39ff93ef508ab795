#include "compiler/quantization/CommandScorer.h"

#include "compiler/data/TensorProtoFile.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstdio>
#include <sys/wait.h>

using namespace ashlar;
using namespace ashlar::quantization;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

namespace {

class CommandScorer : public Scorer {
public:
  CommandScorer(StringRef command, StringRef folder, uint64_t first)
      : command(command.str()), folder(folder.str()), samples(first) {}
  ~CommandScorer() override { llvm::sys::fs::remove_directories(folder); }

  Error add(StringRef, llvm::ArrayRef<data::Tensor> outputs,
            const std::vector<data::Tensor> *) override {
    llvm::SmallString<256> set(folder);
    llvm::sys::path::append(set, "test_data_set_" + Twine(samples++));
    if (std::error_code code = llvm::sys::fs::create_directories(set))
      return llvm::createStringError(code, "cannot make the folder '" + set +
                                               "': " + code.message());
    for (size_t i = 0; i != outputs.size(); ++i) {
      llvm::SmallString<256> path(set);
      llvm::sys::path::append(path, "output_" + Twine(i) + ".pb");
      std::error_code code;
      llvm::raw_fd_ostream file(path, code);
      if (!code)
        file << data::writeTensorProto(outputs[i]);
      file.close();
      if (!code)
        code = file.error();
      file.clear_error();
      if (code)
        return llvm::createStringError(code, "cannot write '" + path +
                                                 "': " + code.message());
    }
    return Error::success();
  }

  llvm::Expected<double> score() override {
    std::string text;
    FILE *pipe = popen((command + " '" + folder + "'").c_str(), "r");
    if (!pipe)
      return llvm::createStringError("cannot run '" + command + "'");
    char buffer[4096];
    while (size_t bytes = fread(buffer, 1, sizeof buffer, pipe))
      text.append(buffer, bytes);
    int status = pclose(pipe);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
      return llvm::createStringError(
          "the command '" + command + "' failed" +
          (WIFEXITED(status)
               ? " with exit code " + std::to_string(WEXITSTATUS(status))
               : std::string()));
    StringRef line = StringRef(text).rtrim();
    if (line.contains('\n'))
      line = line.rsplit('\n').second;
    double score;
    if (line.trim().getAsDouble(score) || !std::isfinite(score))
      return llvm::createStringError("the last line that '" + command +
                                     "' prints is no number: '" + line + "'");
    return score;
  }

private:
  std::string command, folder;
  uint64_t samples;
};

} // namespace

llvm::Expected<std::unique_ptr<Scorer>>
ashlar::quantization::makeCommandScorer(StringRef command, uint64_t first) {
  llvm::SmallString<128> folder;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("ashlar-outputs", folder))
    return llvm::createStringError(code, "cannot make a folder for outputs: " +
                                             code.message());
  return std::make_unique<CommandScorer>(command, folder, first);
}
