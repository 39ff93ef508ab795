# ashlar_add_model(TARGET MODEL model.onnx CPUS cpu... [NAME prefix] [PRECISION f32|bf16|int8|auto] [SHAPE shape...]
#                  [DIM name=value...] [CALIBRATION file] [KERNELS onednn] [OPTIONS option...])
#
# Makes a static library TARGET that holds the compiled model, with its header among the include directories of whoever
# links it, and linked with Ashlar::rt. It is built again when the model (or a file that it refers to) changes. NAME is
# the prefix of the C names, TARGET's own name if not given. CPUS has no default: builds are the same everywhere.
#
# KERNELS onednn has oneDNN compute what it can (ashlar compile --kernels=onednn); TARGET is then linked with
# Ashlar::onednn, which needs libdnnl.
#
# ASHLAR_EXECUTABLE names the compiler to use where the one found with the package does not run on the building machine.
function(ashlar_add_model target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "MODEL;NAME;PRECISION;CALIBRATION;KERNELS" "CPUS;SHAPE;DIM;OPTIONS")
  foreach(required MODEL CPUS)
    if(NOT arg_${required})
      message(FATAL_ERROR "ashlar_add_model(${target}): ${required} is missing")
    endif()
  endforeach()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "ashlar_add_model(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(name ${target})
  if(arg_NAME)
    set(name ${arg_NAME})
  endif()
  get_filename_component(model ${arg_MODEL} ABSOLUTE)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.ashlar)
  file(MAKE_DIRECTORY ${folder})

  string(REPLACE ";" "," cpus "${arg_CPUS}")
  set(options --cpu=${cpus} --name=${name})
  if(arg_PRECISION)
    list(APPEND options --precision=${arg_PRECISION})
  endif()
  if(arg_CALIBRATION)
    get_filename_component(calibration ${arg_CALIBRATION} ABSOLUTE)
    list(APPEND options --calibration=${calibration})
  endif()
  if(arg_KERNELS)
    if(NOT TARGET Ashlar::onednn)
      message(FATAL_ERROR "ashlar_add_model(${target}): KERNELS ${arg_KERNELS}: this Ashlar was built without oneDNN "
        "(Debian's libdnnl-dev)")
    endif()
    list(APPEND options --kernels=${arg_KERNELS})
  endif()
  foreach(shape IN LISTS arg_SHAPE)
    list(APPEND options --shape=${shape})
  endforeach()
  foreach(dim IN LISTS arg_DIM)
    list(APPEND options --dim=${dim})
  endforeach()

  set(compiler Ashlar::ashlar)
  if(ASHLAR_EXECUTABLE)
    set(compiler ${ASHLAR_EXECUTABLE})
  endif()
  set(outputs ${folder}/${name}.o ${folder}/${name}.h ${folder}/${name}.ashlar.json)
  add_custom_command(
    OUTPUT ${outputs}
    COMMAND ${compiler} compile ${model} -o ${folder}/${name}.o --header=${folder}/${name}.h
      --manifest=${folder}/${name}.ashlar.json --depfile=${folder}/${name}.d ${options} ${arg_OPTIONS}
    DEPENDS ${model} ${calibration} ${compiler}
    DEPFILE ${folder}/${name}.d
    COMMENT "Compiling ${arg_MODEL} for ${cpus}"
    VERBATIM)
  add_library(${target} STATIC ${outputs})
  set_source_files_properties(${folder}/${name}.o PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C)
  target_include_directories(${target} INTERFACE ${folder})
  target_link_libraries(${target} PUBLIC $<$<BOOL:${arg_KERNELS}>:Ashlar::onednn> Ashlar::rt)
endfunction()
