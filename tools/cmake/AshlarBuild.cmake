# Compiler settings, LLVM/MLIR and the few functions that every folder uses.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2")
set(ASHLAR_SANITIZE "" CACHE STRING "Sanitizers for the compiler and its tests, as for -fsanitize=")
option(ASHLAR_PRECOMPILED_HEADERS "Precompile the MLIR headers" ON)

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

# Debian keeps LLVM in a folder of its own, which CMake does not search.
find_package(MLIR 22.1 REQUIRED CONFIG HINTS /usr/lib/llvm-22)
find_package(Protobuf REQUIRED)
find_package(ZLIB REQUIRED)
# Samples for calibration come as images, too.
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# Warnings in LLVM's own headers are not ours to mend.
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
# One include root for sources, one for generated files: both spell "dialects/onnx/...".
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
add_definitions(${LLVM_DEFINITIONS_LIST} -D__STDC_CONSTANT_MACROS -D__STDC_FORMAT_MACROS -D__STDC_LIMIT_MACROS)

function(ashlar_cxx_options target)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wno-unused-parameter;-Wno-comment>)
  if(NOT LLVM_ENABLE_EH)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  endif()
  if(ASHLAR_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${ASHLAR_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${ASHLAR_SANITIZE})
  endif()
endfunction()

# ashlar_library(NAME [LIBRARIES...]): a static library of every .cpp below the current folder, with the shared
# precompiled header, linked with LIBRARIES. A folder without sources gives a library that only passes them on.
function(ashlar_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  if(NOT sources)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${ARGN})
    return()
  endif()
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC ${ARGN})
  ashlar_cxx_options(${name})
  if(ASHLAR_PRECOMPILED_HEADERS)
    if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
      target_compile_options(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Xclang;-fno-pch-timestamp>)
    endif()
    # The onnx dialect's header costs four seconds a file: what uses it has it precompiled too.
    if(NOT name STREQUAL AshlarDialects AND "AshlarDialects" IN_LIST ARGN)
      set(onnx_header $<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/dialects/onnx/OnnxOps.h>)
    endif()
    target_precompile_headers(${name} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:${PROJECT_SOURCE_DIR}/tools/cmake/MlirHeaders.h>
      ${onnx_header})
  endif()
endfunction()

# ashlar_finds_kernel_library(TARGET): the program finds the module with oneDNN, where one is built: among the built
# files, and once installed beside its libraries.
function(ashlar_finds_kernel_library target)
  if(TARGET ashlar_onednn_module)
    set_property(TARGET ${target} APPEND PROPERTY BUILD_RPATH $<TARGET_FILE_DIR:ashlar_onednn_module>)
  endif()
endfunction()

# ashlar_tablegen(TD GEN OUT [extra arguments]): runs mlir-tblgen; the output is spelled like its source.
function(ashlar_tablegen td out)
  set(LLVM_TARGET_DEFINITIONS ${td})
  mlir_tablegen(${out} ${ARGN} "-I${PROJECT_SOURCE_DIR}")
  set(TABLEGEN_OUTPUT ${TABLEGEN_OUTPUT} PARENT_SCOPE)
endfunction()
