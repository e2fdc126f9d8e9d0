/* Limits, clocks and shares of the cores. What the caller sets holds, as on hardware, beyond its session. */
#include "calls.h"

struct share_sample { unsigned pid; unsigned long long time_us; unsigned sm, memory, encoder, decoder; };

/* Clocks that the caller locked: graphics and memory, lowest and highest; 0 where none is. */
static unsigned locks[MAX_GPUS][2][2];

EXPORT int nvmlDeviceGetPowerManagementDefaultLimit(device handle, unsigned *mw) {
  ENTER_DEVICE(handle)
  *mw = gpu->limit_w * 1000;
  return leave(OK);
}

EXPORT int nvmlDeviceGetPowerManagementLimitConstraints(device handle, unsigned *lowest, unsigned *highest) {
  ENTER_DEVICE(handle)
  *lowest = gpu->lowest_w * 1000;
  *highest = gpu->highest_w * 1000;
  return leave(OK);
}

EXPORT int nvmlDeviceSetPowerManagementLimit(device handle, unsigned mw) {
  ENTER_DEVICE(handle)
  if (gpu->refused_control) return leave(gpu->refused_control);
  if (mw < gpu->lowest_w * 1000 || mw > gpu->highest_w * 1000) return leave(INVALID_ARGUMENT);
  cap_power(gpu, mw / 1e3);
  return leave(OK);
}

#define LOCKED_CLOCKS(domain, set, reset)                                       \
  EXPORT int set(device handle, unsigned lowest, unsigned highest) {            \
    ENTER_DEVICE(handle)                                                        \
    if (gpu->refused_control) return leave(gpu->refused_control);               \
    if (lowest > highest) return leave(INVALID_ARGUMENT);                       \
    locks[index][domain][0] = lowest;                                           \
    locks[index][domain][1] = highest;                                          \
    return leave(OK);                                                           \
  }                                                                             \
  EXPORT int reset(device handle) {                                             \
    ENTER_DEVICE(handle)                                                        \
    if (gpu->refused_control) return leave(gpu->refused_control);               \
    locks[index][domain][0] = locks[index][domain][1] = 0;                      \
    return leave(OK);                                                           \
  }
LOCKED_CLOCKS(0, nvmlDeviceSetGpuLockedClocks, nvmlDeviceResetGpuLockedClocks)
#ifndef WITHOUT_MEMORY_LOCK
LOCKED_CLOCKS(1, nvmlDeviceSetMemoryLockedClocks, nvmlDeviceResetMemoryLockedClocks)
#endif

EXPORT int nvmlDeviceGetClockInfo(device handle, int type, unsigned *mhz) {
  ENTER_DEVICE(handle)
  if (type < 0 || type > 2) return leave(NOT_SUPPORTED);
  const unsigned *locked = locks[index][type == 2];
  *mhz = type == 2 ? gpu->memory_mhz : gpu->graphics_mhz;
  if (locked[1] && *mhz > locked[1]) *mhz = locked[1];
  if (*mhz < locked[0]) *mhz = locked[0];
  return leave(OK);
}

/* The driver looks at the cores ten times a second; a program at rest leaves no sample. */
EXPORT int nvmlDeviceGetProcessUtilization(device handle, struct share_sample *to, unsigned *count,
                                           unsigned long long last_seen_us) {
  ENTER_DEVICE(handle)
  if (gpu->mig) return leave(NOT_SUPPORTED);
  unsigned long long time_us = 1760000000000000ull + 100000ull * (unsigned long long)(machine->now / 100);
  unsigned needed = 0, room = *count;
  for (int i = 0; i < gpu->share_count; i++) needed += gpu->shares[i].percent > 0;
  if (needed == 0 || time_us <= last_seen_us) return leave(NOT_FOUND);
  *count = needed;
  if (needed > room) return leave(INSUFFICIENT_SIZE);
  for (int i = 0; i < gpu->share_count; i++)
    if (gpu->shares[i].percent > 0)
      *to++ = (struct share_sample){gpu->shares[i].pid, time_us, gpu->shares[i].percent, 0, 0, 0};
  return leave(OK);
}

/* For the tests: what the caller set. The script must be folded, which every call does. */
EXPORT double standInLimit(int gpu) {
  return cap_of(&look()->gpus[gpu]);
}
EXPORT int standInLock(int gpu, int domain, int edge) { return (int)locks[gpu][domain][edge]; }
