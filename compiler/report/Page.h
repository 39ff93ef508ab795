//===- Page.h - pages to look at, which need no network -------------------===//
//
// What a page shows is JSON within it; styles and scripts are files in
// compiler/report/page, compiled into the program.
//
//===----------------------------------------------------------------------===//
#ifndef ASHLAR_COMPILER_REPORT_PAGE_H
#define ASHLAR_COMPILER_REPORT_PAGE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

namespace ashlar {

/// Writes the page of one kind ("comparison": its body is comparison.html, its
/// scripts page.js, `scripts` and comparison.js). `json` is what it shows.
void writePage(llvm::StringRef kind, llvm::StringRef title,
               llvm::ArrayRef<llvm::StringRef> scripts, llvm::StringRef json,
               llvm::raw_ostream &os);

} // namespace ashlar
#endif
