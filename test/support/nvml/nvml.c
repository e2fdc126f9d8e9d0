/* A stand-in for the driver's library: own code, the same calls. See stand-in.ts for the words of its script. */
#define _GNU_SOURCE
#include "calls.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The driver is woken by its hardware; this one looks at its script, less often where a bench counts what that costs. */
#define EVENT_STEP_MS (look()->is_real ? 125 : 25)

struct field_value {
  unsigned field, scope;
  long long timestamp_us, latency_us;
  int type, code;
  union { double f64; unsigned u32; unsigned long long u64; } value;
};
struct memory_v1 { unsigned long long total, free, used; };
struct memory_v2 { unsigned version; unsigned long long total, reserved, free, used; };
struct utilization { unsigned gpu, memory; };
struct pci { char legacy[16]; unsigned domain, bus, slot, id, subsystem; char bus_id[32]; };
struct process_24 { unsigned pid; unsigned long long used; unsigned gi, ci; };
struct process_32 { unsigned pid; unsigned long long used; unsigned gi, ci; unsigned long long guarded; };
struct event { device gpu; unsigned long long type, data; unsigned gi, ci; };
struct event_set { int registered[MAX_GPUS], delivered[MAX_GPUS]; };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int references, generation, open_sets;
static double initialized_at;
static long device_calls[MAX_GPUS];
/* Of the driver that this copy of the library was loaded for; -1 before the first call. */
static int loaded_for = -1;

#define MAX_COUNTED 64
static struct { const char *function; int calls, inside, most_inside; } counted[MAX_COUNTED];

static int slot_of(const char *function) {
  for (int i = 0; i < MAX_COUNTED; i++) {
    if (!counted[i].function) counted[i].function = strdup(function);
    if (!strcmp(counted[i].function, function)) return i;
  }
  return 0;
}

static void pause_ms(double ms) {
  struct timespec t = {(time_t)(ms / 1e3), (long)((ms - 1e3 * (long)(ms / 1e3)) * 1e6)};
  nanosleep(&t, NULL);
}

/* Handles of an earlier session are told apart from today's. */
static device to_handle(int index) { return (device)(uintptr_t)(0x100000 + generation * 0x1000 + index); }
int to_index(device handle) {
  uintptr_t offset = (uintptr_t)handle - 0x100000 - generation * 0x1000;
  return offset < MAX_GPUS ? (int)offset : -1;
}

static int state_code(const struct gpu *gpu, int index) {
  if (gpu->lost_after >= 0 && device_calls[index]++ >= gpu->lost_after) return GPU_IS_LOST;
  if (gpu->state == STATE_LOST) return GPU_IS_LOST;
  if (gpu->state == STATE_GONE) return GPU_NOT_FOUND;
  return gpu->state == STATE_RESET_REQUIRED ? RESET_REQUIRED : OK;
}

/* Takes the lock; 0 when the call may go on, else its answer with the lock given back. */
int enter(const char *function, int index) {
  pthread_mutex_lock(&lock);
  struct machine *machine = look();
  int slot = slot_of(function);
  counted[slot].calls++;
  if (++counted[slot].inside > counted[slot].most_inside) counted[slot].most_inside = counted[slot].inside;
  struct call_rule rule = rule_for(function, index);
  while (rule.hangs || rule.delay_ms > 0) {
    pthread_mutex_unlock(&lock);
    pause_ms(rule.hangs ? 2 : rule.delay_ms);
    pthread_mutex_lock(&lock);
    machine = look();
    if (!rule.hangs) break;
    rule = rule_for(function, index);
  }
  counted[slot].inside--;
  int code = rule.code;
  if (loaded_for < 0) loaded_for = machine->upgrades;
  if (!code && loaded_for != machine->upgrades) code = LIB_RM_VERSION_MISMATCH;
  if (!code && (references == 0 || machine->last_reload > initialized_at)) code = UNINITIALIZED;
  if (!code && index >= 0) code = state_code(&machine->gpus[index], index);
  if (code) pthread_mutex_unlock(&lock);
  return code;
}
int leave(int code) {
  pthread_mutex_unlock(&lock);
  return code;
}

static int put_text(char *to, unsigned length, const char *from) {
  if (strlen(from) + 1 > length) return INSUFFICIENT_SIZE;
  strcpy(to, from);
  return OK;
}

EXPORT int nvmlInit_v2(void) {
  pthread_mutex_lock(&lock);
  references++;
  pthread_mutex_unlock(&lock);
  int code = enter(__func__, -1);
  if (code && code != UNINITIALIZED) {
    pthread_mutex_lock(&lock);
    references--;
    return leave(code);
  }
  if (code) pthread_mutex_lock(&lock);
  if (references == 1) {
    generation++;
    initialized_at = look()->now;
  }
  return leave(OK);
}

EXPORT int nvmlShutdown(void) {
  pthread_mutex_lock(&lock);
  counted[slot_of(__func__)].calls++;
  if (references == 0) return leave(UNINITIALIZED);
  references--;
  return leave(OK);
}

EXPORT int nvmlSystemGetDriverVersion(char *text, unsigned length) {
  int code = enter(__func__, -1);
  return code ? code : leave(put_text(text, length, look()->driver));
}

EXPORT int nvmlDeviceGetCount_v2(unsigned *count) {
  int code = enter(__func__, -1);
  if (code) return code;
  *count = look()->gpu_count;
  return leave(OK);
}

EXPORT int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *handle) {
  int code = enter(__func__, index < MAX_GPUS ? (int)index : -1);
  if (code) return code;
  if ((int)index >= look()->gpu_count) return leave(INVALID_ARGUMENT);
  *handle = to_handle((int)index);
  return leave(OK);
}

#ifndef WITHOUT_HANDLE_BY_BUS_ID
EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, device *handle) {
  int index = 0;
  pthread_mutex_lock(&lock);
  while (index < MAX_GPUS && strcmp(look()->gpus[index].pci, bus_id)) index++;
  int code = leave(index < look()->gpu_count ? OK : NOT_FOUND);
  if (!code) code = enter(__func__, index);
  if (code) return code;
  *handle = to_handle(index);
  return leave(OK);
}
#endif

EXPORT int nvmlDeviceGetUUID(device handle, char *text, unsigned length) {
  ENTER_DEVICE(handle)
  return leave(put_text(text, length, gpu->uuid));
}

EXPORT int nvmlDeviceGetName(device handle, char *text, unsigned length) {
  ENTER_DEVICE(handle)
  return leave(put_text(text, length, gpu->name));
}

EXPORT int nvmlDeviceGetPciInfo_v3(device handle, struct pci *pci) {
  ENTER_DEVICE(handle)
  memset(pci, 0, sizeof *pci);
  memcpy(pci->legacy, gpu->pci + 4, 12);
  strncpy(pci->bus_id, gpu->pci, sizeof pci->bus_id - 1);
  return leave(OK);
}

#define GETTER(function, type, value)                       \
  EXPORT int function(device handle, type *to) {            \
    ENTER_DEVICE(handle)                                    \
    *to = (type)(value);                                    \
    return leave(OK);                                       \
  }

#ifndef WITHOUT_ARCHITECTURE
GETTER(nvmlDeviceGetArchitecture, unsigned, gpu->architecture)
#endif
#ifndef WITHOUT_POWER_USAGE
GETTER(nvmlDeviceGetPowerUsage, unsigned, power_at(gpu, machine->now) * 1000 + 0.5)
#endif
#ifndef WITHOUT_TOTAL_ENERGY
GETTER(nvmlDeviceGetTotalEnergyConsumption, unsigned long long, energy_at(gpu, machine->now))
#endif
#ifndef WITHOUT_LIMIT
GETTER(nvmlDeviceGetEnforcedPowerLimit, unsigned, cap_of(gpu) > 0 ? cap_of(gpu) * 1000 + 0.5 : gpu->limit_w * 1000)
#endif
#ifndef WITHOUT_FAN
GETTER(nvmlDeviceGetFanSpeed, unsigned, gpu->fan)
#endif

#ifndef WITHOUT_TEMPERATURE
EXPORT int nvmlDeviceGetTemperature(device handle, int sensor, unsigned *to) {
  ENTER_DEVICE(handle)
  if (sensor != 0) return leave(INVALID_ARGUMENT);
  *to = (unsigned)gpu->temperature;
  return leave(OK);
}
#endif

#ifndef WITHOUT_MIG
EXPORT int nvmlDeviceGetMigMode(device handle, unsigned *current, unsigned *pending) {
  ENTER_DEVICE(handle)
  *current = *pending = gpu->mig;
  return leave(OK);
}
#endif

EXPORT int nvmlDeviceGetUtilizationRates(device handle, struct utilization *to) {
  ENTER_DEVICE(handle)
  if (gpu->mig) return leave(NOT_SUPPORTED);
  *to = (struct utilization){gpu->utilization, 0};
  return leave(OK);
}

EXPORT int nvmlDeviceGetMemoryInfo(device handle, struct memory_v1 *to) {
  ENTER_DEVICE(handle)
  uint64_t used = used_mib(gpu);
  *to = (struct memory_v1){gpu->vram_mib * MIB, (gpu->vram_mib - used) * MIB, used * MIB};
  return leave(OK);
}

#ifndef WITHOUT_MEMORY_V2
EXPORT int nvmlDeviceGetMemoryInfo_v2(device handle, struct memory_v2 *to) {
  ENTER_DEVICE(handle)
  if (to->version != (sizeof *to | 2u << 24)) return leave(VERSION_MISMATCH);
  to->total = gpu->vram_mib * MIB;
  to->reserved = 300 * MIB;
  to->used = used_mib(gpu) * MIB;
  to->free = to->total - to->reserved - to->used;
  return leave(OK);
}
#endif

#ifndef WITHOUT_FIELDS
static void fill_field(const struct gpu *gpu, double now, struct field_value *field) {
  field->code = OK;
  field->timestamp_us = (long long)(now * 1000);
  for (int i = 0; i < gpu->field_count; i++)
    if (gpu->fields[i].field == field->field) field->code = gpu->fields[i].code;
  if (field->scope != 0) field->code = INVALID_ARGUMENT;
  if (field->code) return;
  if (field->field == 83) {
    field->type = 3;
    field->value.u64 = energy_at(gpu, now);
  } else if (field->field == 185 || field->field == 186) {
    field->type = 1;
    field->value.u32 = (unsigned)(power_at(gpu, now) * 1000 + 0.5);
  } else field->code = NOT_SUPPORTED;
}

EXPORT int nvmlDeviceGetFieldValues(device handle, int count, struct field_value *fields) {
  ENTER_DEVICE(handle)
  for (int i = 0; i < count; i++) fill_field(gpu, machine->now, &fields[i]);
  return leave(OK);
}
#endif

#define PROCESSES(function, type, is_graphics)                                                      \
  EXPORT int function(device handle, unsigned *count, struct type *to) {                            \
    ENTER_DEVICE(handle)                                                                            \
    struct process *listed[MAX_PROCESSES];                                                          \
    unsigned needed = 0, room = *count;                                                             \
    for (int i = 0; i < gpu->process_count; i++) {                                                  \
      struct process *one = &gpu->processes[i];                                                     \
      if (one->graphics == is_graphics && is_there(one)) listed[needed++] = one;                    \
    }                                                                                               \
    *count = needed;                                                                                \
    if (needed > room) return leave(INSUFFICIENT_SIZE);                                             \
    for (unsigned i = 0; i < needed; i++) {                                                         \
      unsigned long long used = listed[i]->mib == UINT64_MAX ? UINT64_MAX : listed[i]->mib * MIB;   \
      to[i] = (struct type){.pid = listed[i]->pid, .used = used, .gi = 0xffffffff, .ci = 0xffffffff}; \
    }                                                                                               \
    return leave(OK);                                                                               \
  }

#ifndef WITHOUT_PROCESSES_V2
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v2, process_24, 0)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v2, process_24, 1)
#endif
#ifdef PROCESSES_V3_OF_32_BYTES
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, process_32, 0)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3, process_32, 1)
#else
PROCESSES(nvmlDeviceGetComputeRunningProcesses_v3, process_24, 0)
PROCESSES(nvmlDeviceGetGraphicsRunningProcesses_v3, process_24, 1)
#endif

#ifndef WITHOUT_EVENTS
EXPORT int nvmlEventSetCreate(struct event_set **set) {
  int code = enter(__func__, -1);
  if (code) return code;
  *set = calloc(1, sizeof **set);
  open_sets++;
  return leave(OK);
}

EXPORT int nvmlDeviceRegisterEvents(device handle, unsigned long long types, struct event_set *set) {
  ENTER_DEVICE(handle)
  if (!(types & 8)) return leave(NOT_SUPPORTED);
  set->registered[index] = 1;
  set->delivered[index] = gpu->xid_count;
  return leave(OK);
}

/* One GPU that fell off ends the wait for all. */
static int has_lost(const struct event_set *set) {
  struct machine *machine = look();
  for (int i = 0; i < machine->gpu_count; i++)
    if (set->registered[i] && machine->gpus[i].state == STATE_LOST) return 1;
  return 0;
}

static int next_event(struct event_set *set, struct event *event) {
  struct machine *machine = look();
  for (int i = 0; i < machine->gpu_count; i++) {
    struct gpu *gpu = &machine->gpus[i];
    if (!set->registered[i] || set->delivered[i] >= gpu->xid_count) continue;
    unsigned xid = gpu->xids[set->delivered[i]++];
    *event = (struct event){to_handle(i), 8, xid, 0xffffffff, 0xffffffff};
    return 1;
  }
  return 0;
}

EXPORT int nvmlEventSetWait_v2(struct event_set *set, struct event *event, unsigned timeout_ms) {
  for (double step, waited = 0;; waited += step) {
    int code = enter(__func__, -1);
    if (code) return code;
    if (next_event(set, event)) return leave(OK);
    if (has_lost(set)) return leave(GPU_IS_LOST);
    step = EVENT_STEP_MS;
    leave(OK);
    if (waited >= timeout_ms) return TIMEOUT;
    pause_ms(step);
  }
}

EXPORT int nvmlEventSetFree(struct event_set *set) {
  pthread_mutex_lock(&lock);
  free(set);
  open_sets--;
  return leave(OK);
}
#endif

/* For the tests: what the caller did, and what it left open. */
EXPORT int standInReferences(void) { return references; }
EXPORT int standInOpenSets(void) { return open_sets; }
EXPORT int standInCalls(const char *function) {
  pthread_mutex_lock(&lock);
  return leave(counted[slot_of(function)].calls);
}
EXPORT int standInMostInside(const char *function) {
  pthread_mutex_lock(&lock);
  return leave(counted[slot_of(function)].most_inside);
}
