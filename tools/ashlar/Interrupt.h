// Work that takes long ends early, and well, when the user presses Ctrl-C.
#ifndef ASHLAR_TOOLS_ASHLAR_INTERRUPT_H
#define ASHLAR_TOOLS_ASHLAR_INTERRUPT_H

namespace ashlar::tool {

/// From now on the first Ctrl-C only makes interrupted() true; the second ends
/// the program.
void catchInterrupts();
bool interrupted();

} // namespace ashlar::tool
#endif
