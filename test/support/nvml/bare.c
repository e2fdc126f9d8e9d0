/* What one look at every GPU costs without any binding: argv[1] the library, argv[2] how many looks. Prints ns. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int (*call1)(void *, void *);
typedef int (*call2)(void *, int, void *);
typedef int (*call3)(void *, unsigned *, void *);

static void *library;
static void *find(const char *name) {
  void *found = dlsym(library, name);
  if (!found) exit(2);
  return found;
}
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv) {
  if (argc < 3 || !(library = dlopen(argv[1], RTLD_NOW))) return 1;
  int (*init)(void) = (int (*)(void))find("nvmlInit_v2");
  int (*count_of)(unsigned *) = (int (*)(unsigned *))find("nvmlDeviceGetCount_v2");
  int (*handle_of)(unsigned, void **) = (int (*)(unsigned, void **))find("nvmlDeviceGetHandleByIndex_v2");
  call2 fields = (call2)find("nvmlDeviceGetFieldValues");
  call1 utilization = (call1)find("nvmlDeviceGetUtilizationRates"), memory = (call1)find("nvmlDeviceGetMemoryInfo_v2");
  call3 compute = (call3)find("nvmlDeviceGetComputeRunningProcesses_v2");
  void *gpus[16];
  unsigned count = 0, ids[3] = {83, 185, 186};
  char field_values[120], used[40], entries[64 * 32], rates[8];
  init();
  count_of(&count);
  for (unsigned i = 0; i < count; i++) handle_of(i, &gpus[i]);
  int looks = atoi(argv[2]);
  double start = now();
  for (int look = 0; look < looks; look++)
    for (unsigned i = 0; i < count; i++) {
      for (int f = 0; f < 3; f++) memcpy(field_values + 40 * f, &ids[f], 4), memset(field_values + 40 * f + 4, 0, 4);
      unsigned version = 0x02000028, room = 64;
      fields(gpus[i], 3, field_values);
      utilization(gpus[i], rates);
      memcpy(used, &version, 4);
      memory(gpus[i], used);
      compute(gpus[i], &room, entries);
    }
  printf("%.1f\n", (now() - start) / looks);
  return 0;
}
