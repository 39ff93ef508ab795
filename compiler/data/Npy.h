//===- Npy.h - NumPy's array files ----------------------------------------===//
#ifndef ASHLAR_COMPILER_DATA_NPY_H
#define ASHLAR_COMPILER_DATA_NPY_H

#include "compiler/data/ByteSource.h"
#include "compiler/data/Tensor.h"

namespace ashlar::data {

/// What an array file says before its values.
struct ArrayHeader {
  int32_t dtype = 0;
  std::vector<int64_t> shape;
  std::string type;       // as the file spells it
  uint64_t start = 0;     // of the values in the file
  uint64_t bytes = 0;     // of all values
  bool fortran = false;   // first axis fastest
  bool bigEndian = false; // never in npy files
};
/// Reads the header of a .npy file and stops before its values.
llvm::Expected<ArrayHeader> readNpyHeader(ByteSource &source);
/// Values in Fortran order to C order.
std::vector<uint8_t> transposeToC(llvm::StringRef values,
                                  llvm::ArrayRef<int64_t> shape,
                                  uint64_t width);

/// Reads the content of a .npy file, format versions 1 to 3. Arrays in Fortran
/// order are transposed.
llvm::Expected<Tensor> readNpy(llvm::StringRef file);

/// Reads the content of a .npz archive: one named tensor a member.
llvm::Expected<std::vector<Tensor>> readNpz(llvm::StringRef file);

/// The .npy file of `tensor`. Types that NumPy lacks are written as unsigned
/// integers of their width.
std::string writeNpy(const Tensor &tensor);

} // namespace ashlar::data
#endif
