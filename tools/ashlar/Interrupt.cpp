#include "tools/ashlar/Interrupt.h"

#include "llvm/Support/Signals.h"

#include <csignal>

static volatile std::sig_atomic_t seen = 0;

void ashlar::tool::catchInterrupts() {
  llvm::sys::SetInterruptFunction([] { seen = 1; });
}

bool ashlar::tool::interrupted() { return seen; }
