// A line on the terminal that tells what a long step is at.
#ifndef ASHLAR_TOOLS_ASHLAR_PROGRESS_H
#define ASHLAR_TOOLS_ASHLAR_PROGRESS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

namespace ashlar::tool {

/// Shows a line on standard error while it lives; nothing where that is not a
/// terminal.
class Progress {
public:
  explicit Progress(const llvm::Twine &text)
      : shown(llvm::sys::Process::StandardErrIsDisplayed()) {
    update(text);
  }
  ~Progress() { clear(); }

  void update(const llvm::Twine &text) {
    if (shown)
      llvm::errs() << "\r\033[K" << text << " ...";
  }
  void clear() {
    if (shown)
      llvm::errs() << "\r\033[K";
    shown = false;
  }

private:
  bool shown;
};

} // namespace ashlar::tool
#endif
