// One static program, three names: what a machine with NVIDIA's container toolkit has, without a GPU.
//   nvidia-container-runtime-hook prestart   puts the asked-for GPUs into a container, as libnvidia-container would
//   nvidia-container-runtime ...             runc, with that hook added to the container's specification
//   nvidia-smi [-L]                          lists what the container was given, or fails as it does after a lost device
// The hook's folder is the one above its own: <folder>/without-smi (no container gets nvidia-smi),
// <folder>/requests (one line a container), <folder>/refuse (its text is
// the error), <folder>/inject (seen in containers as /usr/local/nvidia, with lost/<UUID> for a lost device), <folder>/granted (one file a container).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define VISIBLE "NVIDIA_VISIBLE_DEVICES="
#define GRANTED "/usr/local/nvidia.granted"

static void die(const char *what) {
  fprintf(stderr, "gpu-stub: %s: %s\n", what, strerror(errno));
  exit(1);
}

static char *readAll(int fd) {
  size_t size = 0, room = 65536;
  char *text = malloc(room);
  for (ssize_t got; text && (got = read(fd, text + size, room - size - 1)) > 0;) {
    size += (size_t)got;
    if (size + 1 == room) text = realloc(text, room *= 2);
  }
  if (!text) die("memory");
  text[size] = 0;
  return text;
}

static char *readFile(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return NULL;
  char *text = readAll(fd);
  close(fd);
  return text;
}

// The string after the first `key` from `json` on, up to its quote; the values looked for hold no escapes.
static char *stringAfter(const char *json, const char *key) {
  const char *from = json ? strstr(json, key) : NULL;
  if (!from) return NULL;
  from += strlen(key);
  return strndup(from, strcspn(from, "\""));
}

static void ownFolder(char *folder) {
  ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
  if (length < 0) die("/proc/self/exe");
  folder[length] = 0;
  char *bin = dirname(folder);
  memmove(folder, dirname(bin), strlen(folder) + 1);
}

static void makeFolders(char *path) {
  for (char *at = path + 1; *at; at++) {
    if (*at != '/') continue;
    *at = 0;
    mkdir(path, 0755);
    *at = '/';
  }
}

static void bindInto(const char *root, const char *source, const char *target, int isFolder) {
  char path[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s%s", root, target);
  makeFolders(path);
  if (isFolder) mkdir(path, 0755);
  else close(open(path, O_CREAT | O_WRONLY, 0755));
  if (mount(source, path, NULL, MS_BIND, NULL)) die(path);
  if (mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL)) die("read-only");
}

static void refuseIfAsked(const char *folder) {
  char path[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s/refuse", folder);
  char *reason = readFile(path);
  if (!reason) return;
  fprintf(stderr, "%s\n", reason);
  exit(1);
}

static void append(const char *path, const char *line) {
  int fd = open(path, O_CREAT | O_APPEND | O_WRONLY, 0644);
  if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line)) die(path);
  close(fd);
}

static void record(const char *folder, const char *container, const char *devices) {
  char path[2 * PATH_MAX], line[4096];
  snprintf(path, sizeof path, "%s/requests", folder);
  snprintf(line, sizeof line, "%s %s\n", container, devices);
  append(path, line);
}

// A command run inside later does not see the environment that the Engine made for the devices.
static void writeGranted(const char *folder, const char *container, const char *devices, char *path) {
  snprintf(path, 2 * PATH_MAX, "%s/granted/%s", folder, container);
  unlink(path);
  append(path, devices);
}

// A new container has its devices again, whatever an older one lost.
static void restoreDevices(const char *folder, const char *devices) {
  char *list = strdup(devices), path[2 * PATH_MAX];
  for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) {
    snprintf(path, sizeof path, "%s/inject/lost/%s", folder, one);
    unlink(path);
  }
}

static int hook(void) {
  char folder[PATH_MAX], path[2 * PATH_MAX], source[2 * PATH_MAX], granted[2 * PATH_MAX];
  ownFolder(folder);
  char *state = readAll(0);
  char *bundle = stringAfter(state, "\"bundle\":\"");
  char *container = stringAfter(state, "\"id\":\"");
  const char *pid = strstr(state, "\"pid\":");
  if (!bundle || !container || !pid) die("the state on standard input");
  snprintf(path, sizeof path, "%s/config.json", bundle);
  char *config = readFile(path);
  char *devices = stringAfter(config, "\"" VISIBLE);
  char *root = stringAfter(config ? strstr(config, "\"root\":{") : NULL, "\"path\":\"");
  if (!devices || !*devices || !strcmp(devices, "void") || !root) return 0;
  record(folder, container, devices);
  refuseIfAsked(folder);
  restoreDevices(folder, devices);
  writeGranted(folder, container, devices, granted);
  snprintf(path, sizeof path, "/proc/%ld/ns/mnt", strtol(pid + 6, NULL, 10));
  int space = open(path, O_RDONLY);
  if (space < 0 || setns(space, CLONE_NEWNS)) die(path);
  snprintf(source, sizeof source, "%s/inject", folder);
  bindInto(root, source, "/usr/local/nvidia", 1);
  snprintf(source, sizeof source, "%s/bin/nvidia-smi", folder);
  char without[2 * PATH_MAX];
  snprintf(without, sizeof without, "%s/without-smi", folder);
  if (access(without, F_OK)) bindInto(root, source, "/usr/bin/nvidia-smi", 0);
  bindInto(root, granted, GRANTED, 0);
  return 0;
}

static void addHook(const char *bundle) {
  char folder[PATH_MAX], path[2 * PATH_MAX], entry[4 * PATH_MAX];
  ownFolder(folder);
  snprintf(path, sizeof path, "%s/config.json", bundle);
  char *config = readFile(path);
  if (!config || !strstr(config, "\"" VISIBLE)) return;
  snprintf(entry, sizeof entry, "{\"path\":\"%s/bin/nvidia-container-runtime-hook\",\"args\":[\"hook\",\"prestart\"]}",
           folder);
  const char *list = "\"prestart\":[", *hooks = "\"hooks\":{";
  char *at = strstr(config, hooks), *inner = at ? strstr(at, list) : NULL;
  FILE *file = fopen(path, "w");
  if (!file) die(path);
  if (inner) {
    inner += strlen(list);
    fprintf(file, "%.*s%s%s%s", (int)(inner - config), config, entry, *inner == ']' ? "" : ",", inner);
  } else if (at) {
    at += strlen(hooks);
    fprintf(file, "%.*s%s%s]%s%s", (int)(at - config), config, list, entry, *at == '}' ? "" : ",", at);
  } else {
    fprintf(file, "{%s%s%s]},%s", hooks, list, entry, config + 1);
  }
  if (fclose(file)) die(path);
}

static int runtime(int argc, char **argv) {
  const char *bundle = NULL;
  int creates = 0;
  for (int i = 1; i < argc; i++) {
    if ((!strcmp(argv[i], "--bundle") || !strcmp(argv[i], "-b")) && i + 1 < argc) bundle = argv[i + 1];
    if (!strcmp(argv[i], "create")) creates = 1;
  }
  if (creates && bundle) addHook(bundle);
  argv[0] = "runc";
  execvp("runc", argv);
  die("runc");
  return 1;
}

static int smi(void) {
  char *list = readFile(GRANTED), path[PATH_MAX];
  int index = 0;
  for (char *one = list ? strtok(list, ",") : NULL; one; one = strtok(NULL, ",")) {
    snprintf(path, sizeof path, "/usr/local/nvidia/lost/%s", one);
    if (!access(path, F_OK)) {
      printf("Failed to initialize NVML: Unknown Error\n");
      return 255;
    }
    printf("GPU %d: Stand-in GPU (UUID: %s)\n", index++, one);
  }
  return 0;
}

int main(int argc, char **argv) {
  const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
  if (!strcmp(name, "nvidia-smi")) return smi();
  if (!strcmp(name, "nvidia-container-runtime")) return runtime(argc, argv);
  return hook();
}
