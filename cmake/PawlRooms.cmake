# A room is a top-level folder with one static library `pawl_<room>` and, for some, one program.

# pawl_add_rooms(ROOM...): adds each room that exists, in the order of its arrows.
function(pawl_add_rooms)
  foreach(room IN LISTS ARGN)
    if(EXISTS ${PROJECT_SOURCE_DIR}/${room}/CMakeLists.txt)
      add_subdirectory(${room})
    endif()
  endforeach()
endfunction()

# pawl_room(NAME SOURCES... LINK libraries...): the static library of a room.
function(pawl_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINK" ${ARGN})
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_link_libraries(${name} PUBLIC pawl_flags ${ROOM_LINK})
endfunction()

# pawl_program(NAME SOURCES... LINK libraries...): a program, part of the target `programs`.
function(pawl_program name)
  cmake_parse_arguments(PROGRAM "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${PROGRAM_SOURCES})
  target_link_libraries(${name} PRIVATE ${PROGRAM_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  add_dependencies(programs ${name})
  install(TARGETS ${name} RUNTIME COMPONENT ${name})
endfunction()
