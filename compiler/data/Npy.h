//===- Npy.h - NumPy's array files ----------------------------------------===//
#ifndef ASHLAR_COMPILER_DATA_NPY_H
#define ASHLAR_COMPILER_DATA_NPY_H

#include "compiler/data/Tensor.h"

namespace ashlar::data {

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
