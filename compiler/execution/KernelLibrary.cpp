#include "compiler/execution/KernelLibrary.h"

#include "llvm/ADT/Twine.h"
#include "llvm/Object/ELFObjectFile.h"

#include <dlfcn.h>

using namespace ashlar;
using namespace llvm;

// Found by the program's run path.
static constexpr const char *kModule = "ashlar_onednn.so";

Error ashlar::checkKernelLibrary(StringRef name) {
  if (name != "onednn")
    return createStringError("got '" + name + "', expected onednn");
#ifdef ASHLAR_HAVE_ONEDNN
  return Error::success();
#else
  return createStringError(
      "this program was built without oneDNN: install oneDNN 2 for developers "
      "(Debian's libdnnl-dev) and build Ashlar again");
#endif
}

bool ashlar::callsKernelLibrary(MemoryBufferRef object) {
  auto parsed = object::ELFObjectFile<object::ELF64LE>::create(object);
  if (!parsed) {
    consumeError(parsed.takeError());
    return false;
  }
  for (const object::ELFSymbolRef symbol : parsed->symbols()) {
    auto name = symbol.getName();
    if (!name)
      consumeError(name.takeError());
    else if (name->starts_with("ashlar_onednn1_"))
      return true;
  }
  return false;
}

Expected<KernelLibrary> KernelLibrary::load() {
  // Never unloaded: oneDNN keeps threads' memory.
  static void *const handle = dlopen(kModule, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    return createStringError(
        "the model was compiled with --kernels=onednn, and oneDNN cannot be "
        "loaded (Debian's package is libdnnl2): " +
        Twine(why ? why : kModule));
  }
  KernelLibrary library;
  library.conv = dlsym(handle, "ashlar_onednn1_conv");
  library.matmul = dlsym(handle, "ashlar_onednn1_matmul");
  library.release =
      reinterpret_cast<void (*)()>(dlsym(handle, "ashlar_onednn_release"));
  if (!library.conv || !library.matmul || !library.release)
    return createStringError(Twine(kModule) + " is of another version");
  return library;
}
