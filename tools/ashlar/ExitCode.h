// What the program's exit codes mean; scripts and the conformance runner rely
// on them.
#ifndef ASHLAR_TOOLS_ASHLAR_EXITCODE_H
#define ASHLAR_TOOLS_ASHLAR_EXITCODE_H

namespace ashlar::tool {

enum ExitCode {
  ExitOk = 0,
  ExitInternal = 1,    // a fault of Ashlar's; a reproducer is saved
  ExitUsage = 2,       // wrong command line
  ExitInvalid = 3,     // unreadable or invalid model or data
  ExitUnsupported = 4, // operator, type or attribute not supported
  ExitCpu = 5,         // CPU feature not available
  ExitMissed = 6,      // tolerance or accuracy missed, result written
  ExitResources = 7    // memory or another limit
};

} // namespace ashlar::tool
#endif
