// A program that speaks the --serve protocol: it prints a line of JSON with
// "ready", then answers each line N on its input with the times of N runs.
#ifndef ASHLAR_TOOLS_ASHLAR_PEERPROCESS_H
#define ASHLAR_TOOLS_ASHLAR_PEERPROCESS_H

#include "tools/ashlar/Arguments.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace ashlar::tool {

/// What --against starts: a command as it is, or for "onednn" the program
/// beside this one, with the model and the options about precision.
llvm::Expected<std::string> peerCommand(llvm::StringRef against,
                                        const Arguments &arguments);

class PeerProcess {
public:
  /// Starts `command` with the shell and waits until it is ready.
  static llvm::Expected<std::unique_ptr<PeerProcess>>
  start(llvm::StringRef command);
  ~PeerProcess();

  /// Wall times in milliseconds of `runs` runs.
  llvm::Expected<std::vector<double>> measure(unsigned runs);

private:
  PeerProcess() = default;
  llvm::Expected<std::string> readLine();

  FILE *toPeer = nullptr;
  FILE *fromPeer = nullptr;
  int process = -1;
};

} // namespace ashlar::tool
#endif
