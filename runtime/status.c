/* Texts of status codes. */
#include "ashlar_rt.h"

const char *ashlar_status_text(ashlar_status status) {
  switch (status) {
  case ASHLAR_OK:
    return "success";
  case ASHLAR_ERROR_NULL_POINTER:
    return "a required pointer is null";
  case ASHLAR_ERROR_STRUCT_SIZE:
    return "the argument structure has another size than the object expects: "
           "header and object do not match";
  case ASHLAR_ERROR_ABI_VERSION:
    return "object and runtime speak different versions of the interface";
  case ASHLAR_ERROR_DIMENSION:
    return "a dimension lies outside the range that the model was compiled for";
  case ASHLAR_ERROR_TENSOR_SIZE:
    return "a tensor's byte count differs from what its shape asks for";
  case ASHLAR_ERROR_ALIGNMENT:
    return "a pointer is not aligned as documented";
  case ASHLAR_ERROR_WORKSPACE_SIZE:
    return "the workspace is too small";
  case ASHLAR_ERROR_STATE_SIZE:
    return "the state region is too small";
  case ASHLAR_ERROR_WEIGHTS:
    return "the weights given are not those of this model";
  case ASHLAR_ERROR_OUTPUT_CAPACITY:
    return "an output whose shape depends on data does not fit its buffer";
  case ASHLAR_ERROR_CPU:
    return "the CPU lacks a feature that the object needs";
  case ASHLAR_ERROR_AMX_PERMISSION:
    return "the operating system refused the use of AMX";
  case ASHLAR_ERROR_INDEX:
    return "an index held in a tensor lies outside the tensor it refers to";
  case ASHLAR_ERROR_SHAPE:
    return "shapes computed from data do not fit each other";
  case ASHLAR_ERROR_VALUE:
    return "a value held in a tensor is not allowed by the operator";
  case ASHLAR_ERROR_EXECUTOR:
    return "the executor given is not usable: it has no workers or no "
           "parallel_for";
  }
  return "unknown status";
}
