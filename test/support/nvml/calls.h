/* What every call of the stand-in begins and ends with. */
#ifndef RIGSHIFT_CALLS_H
#define RIGSHIFT_CALLS_H

#include "script.h"

enum {
  OK = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, TIMEOUT = 10,
  GPU_IS_LOST = 15, RESET_REQUIRED = 16, LIB_RM_VERSION_MISMATCH = 18, VERSION_MISMATCH = 25, GPU_NOT_FOUND = 28
};
#define EXPORT __attribute__((visibility("default")))
#define MIB (1024ull * 1024)

typedef void *device;

/* Takes the lock; 0 when the call may go on, else its answer with the lock given back. */
int enter(const char *function, int index);
int leave(int code);
/* Negative for a handle of an earlier session. */
int to_index(device handle);

#define ENTER_DEVICE(handle)                                       \
  int index = to_index(handle);                                    \
  if (index < 0) return INVALID_ARGUMENT;                          \
  int refused = enter(__func__, index);                            \
  if (refused) return refused;                                     \
  struct machine *machine = look();                                \
  struct gpu *gpu = &machine->gpus[index];                         \
  (void)gpu;

#endif
