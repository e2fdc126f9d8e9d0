#define _GNU_SOURCE
#include "script.h"
#include <dlfcn.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_LINES 4096
#define MAX_WORDS 10

/* One line of the script; words are what stands behind the optional @time. */
struct line {
  double at;
  int order, count;
  char *words[MAX_WORDS];
};

static char *text;
static struct line lines[MAX_LINES];
static int line_count;
static struct machine folded;
static double folded_from, folded_until = -1;
static struct stat seen;
static double virtual_now, real_start;
static int is_virtual;
static struct cap { double at, watts; } caps[MAX_GPUS][MAX_CAPS];
static int cap_count[MAX_GPUS];

static double real_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static const char *script_path(void) {
  static char path[4096];
  if (path[0]) return path;
  Dl_info info;
  const char *named = getenv("RIGSHIFT_STAND_IN_SCRIPT");
  if (named) snprintf(path, sizeof path, "%s", named);
  else if (dladdr((void *)script_path, &info)) snprintf(path, sizeof path, "%s.script", info.dli_fname);
  return path;
}

static int by_time(const void *a, const void *b) {
  const struct line *x = a, *y = b;
  if (x->at != y->at) return x->at < y->at ? -1 : 1;
  return x->order - y->order;
}

static void parse(void) {
  line_count = 0;
  is_virtual = 0;
  char *rest = text, *row;
  while ((row = strsep(&rest, "\n")) && line_count < MAX_LINES) {
    struct line *line = &lines[line_count];
    *line = (struct line){.order = line_count};
    char *word;
    while ((word = strsep(&row, " \t\r")) && line->count < MAX_WORDS) {
      if (*word == '#') break;
      if (*word == '@' && line->count == 0) line->at = atof(word + 1);
      else if (*word) line->words[line->count++] = word;
    }
    if (line->count == 0) continue;
    if (!strcmp(line->words[0], "time")) {
      is_virtual = 1;
      virtual_now = line->count > 1 ? atof(line->words[1]) : 0;
    }
    line_count++;
  }
  qsort(lines, line_count, sizeof *lines, by_time);
}

static void read_script(void) {
  struct stat now;
  if (stat(script_path(), &now)) return;
  if (now.st_ino == seen.st_ino && now.st_size == seen.st_size && now.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
    return;
  FILE *file = fopen(script_path(), "r");
  if (!file) return;
  free(text);
  text = calloc(1, now.st_size + 1);
  if (fread(text, 1, now.st_size, file) != (size_t)now.st_size) text[0] = 0;
  fclose(file);
  seen = now;
  folded_until = -1;
  parse();
}

static unsigned long long number(const struct line *line, int word) {
  return word < line->count ? strtoull(line->words[word], NULL, 10) : 0;
}
static double real(const struct line *line, int word) { return word < line->count ? atof(line->words[word]) : 0; }

static void copy_words(char *to, const struct line *line, int from) {
  to[0] = 0;
  for (int i = from; i < line->count; i++) {
    if (i > from) strncat(to, " ", TEXT - strlen(to) - 1);
    strncat(to, line->words[i], TEXT - strlen(to) - 1);
  }
}

static void apply_process(struct gpu *gpu, const struct line *line, int graphics, int is_real) {
  if (gpu->process_count == MAX_PROCESSES) return;
  /* Without a size the driver does not know it and says 2^64-1. */
  uint64_t mib = line->count > 4 ? number(line, 4) : UINT64_MAX;
  gpu->processes[gpu->process_count++] = (struct process){(unsigned)number(line, 3), mib, graphics, is_real};
}

static void apply_exit(struct gpu *gpu, unsigned pid) {
  int kept = 0;
  for (int i = 0; i < gpu->process_count; i++)
    if (gpu->processes[i].pid != pid) gpu->processes[kept++] = gpu->processes[i];
  gpu->process_count = kept;
  for (int i = 0; i < gpu->share_count; i++)
    if (gpu->shares[i].pid == pid) gpu->shares[i].percent = 0;
}

static void apply_share(struct gpu *gpu, unsigned pid, unsigned percent) {
  int i = 0;
  while (i < gpu->share_count && gpu->shares[i].pid != pid) i++;
  if (i == MAX_PROCESSES) return;
  if (i == gpu->share_count) gpu->share_count++;
  gpu->shares[i] = (struct share){pid, percent};
}

static void apply_power(struct gpu *gpu, const struct line *line) {
  if (gpu->piece_count == MAX_PIECES) return;
  struct piece piece = {line->at, real(line, 3), real(line, 3), 0, 1};
  if (!strcmp(line->words[2], "pulse")) {
    piece.period = real(line, 3);
    piece.low = real(line, 4);
    piece.high = real(line, 5);
    piece.duty = line->count > 6 ? real(line, 6) : 0.5;
  }
  gpu->pieces[gpu->piece_count++] = piece;
}

static enum state state_of(const char *word) {
  if (!strcmp(word, "lost")) return STATE_LOST;
  if (!strcmp(word, "reset-required")) return STATE_RESET_REQUIRED;
  if (!strcmp(word, "gone")) return STATE_GONE;
  return STATE_OK;
}

/* NOT_SUPPORTED and NO_PERMISSION of the library. */
static int control_code(const char *word) {
  if (!strcmp(word, "not-supported")) return 3;
  return !strcmp(word, "no-permission") ? 4 : 0;
}

static void apply_gpu(struct machine *machine, const struct line *line) {
  int index = (int)number(line, 1);
  if (line->count < 3 || index < 0 || index >= MAX_GPUS) return;
  struct gpu *gpu = &machine->gpus[index];
  const char *key = line->words[2];
  gpu->exists = 1;
  if (index >= machine->gpu_count) machine->gpu_count = index + 1;
  if (!strcmp(key, "uuid")) copy_words(gpu->uuid, line, 3);
  else if (!strcmp(key, "name")) copy_words(gpu->name, line, 3);
  else if (!strcmp(key, "pci")) copy_words(gpu->pci, line, 3);
  else if (!strcmp(key, "architecture")) gpu->architecture = number(line, 3);
  else if (!strcmp(key, "limit")) gpu->limit_w = number(line, 3);
  else if (!strcmp(key, "limit-range")) gpu->lowest_w = number(line, 3), gpu->highest_w = number(line, 4);
  else if (!strcmp(key, "clocks")) gpu->graphics_mhz = number(line, 3), gpu->memory_mhz = number(line, 4);
  else if (!strcmp(key, "control") && line->count > 3) gpu->refused_control = control_code(line->words[3]);
  else if (!strcmp(key, "sm")) apply_share(gpu, number(line, 3), number(line, 4));
  else if (!strcmp(key, "fan")) gpu->fan = number(line, 3);
  else if (!strcmp(key, "temperature")) gpu->temperature = (int)real(line, 3);
  else if (!strcmp(key, "utilization")) gpu->utilization = number(line, 3);
  else if (!strcmp(key, "mig")) gpu->mig = line->count > 3 && !strcmp(line->words[3], "on");
  else if (!strcmp(key, "vram")) gpu->vram_mib = number(line, 3);
  else if (!strcmp(key, "used")) gpu->used_mib = number(line, 3);
  else if (!strcmp(key, "tick")) gpu->tick = real(line, 3);
  else if (!strcmp(key, "lost-after")) gpu->lost_after = (long)number(line, 3);
  else if (!strcmp(key, "state") && line->count > 3) gpu->state = state_of(line->words[3]);
  else if (!strcmp(key, "process")) apply_process(gpu, line, 0, 0);
  else if (!strcmp(key, "runs")) apply_process(gpu, line, 0, 1);
  else if (!strcmp(key, "graphics")) apply_process(gpu, line, 1, 0);
  else if (!strcmp(key, "exit")) apply_exit(gpu, (unsigned)number(line, 3));
  else if (!strcmp(key, "power") || !strcmp(key, "pulse")) apply_power(gpu, line);
  else if (!strcmp(key, "xid") && gpu->xid_count < MAX_XIDS) gpu->xids[gpu->xid_count++] = number(line, 3);
  else if (!strcmp(key, "field") && gpu->field_count < MAX_FIELDS)
    gpu->fields[gpu->field_count++] = (struct field_code){(unsigned)number(line, 3), (int)number(line, 4)};
  else if (!strcmp(key, "energy")) {
    gpu->energy_base_mj = number(line, 3);
    gpu->energy_from = line->at;
  }
}

static void apply_reload(struct machine *machine, double at) {
  machine->last_reload = at;
  for (int i = 0; i < MAX_GPUS; i++) {
    machine->gpus[i].energy_base_mj = 0;
    machine->gpus[i].energy_from = at;
  }
}

static void begin(struct machine *machine) {
  memset(machine, 0, sizeof *machine);
  machine->last_reload = -1;
  strcpy(machine->driver, "550.54.14");
  for (int i = 0; i < MAX_GPUS; i++) {
    struct gpu *gpu = &machine->gpus[i];
    snprintf(gpu->uuid, TEXT, "GPU-00000000-0000-0000-0000-%012d", i);
    snprintf(gpu->pci, TEXT, "00000000:%02X:00.0", i + 1);
    strcpy(gpu->name, "Stand-in GPU");
    gpu->index = i;
    gpu->architecture = 8;
    gpu->lowest_w = 100;
    gpu->highest_w = 600;
    gpu->graphics_mhz = 1800;
    gpu->memory_mhz = 9501;
    gpu->vram_mib = 24576;
    gpu->limit_w = 450;
    gpu->temperature = 40;
    gpu->fan = 30;
    gpu->tick = 1;
    gpu->lost_after = -1;
  }
}

static void fold(double now) {
  begin(&folded);
  folded_from = 0;
  folded_until = INFINITY;
  for (int i = 0; i < line_count; i++) {
    const struct line *line = &lines[i];
    if (line->at > now) {
      folded_until = line->at;
      break;
    }
    folded_from = line->at;
    if (!strcmp(line->words[0], "gpu")) apply_gpu(&folded, line);
    else if (!strcmp(line->words[0], "reload")) apply_reload(&folded, line->at);
    else if (!strcmp(line->words[0], "driver")) copy_words(folded.driver, line, 1);
    else if (!strcmp(line->words[0], "upgrade")) {
      copy_words(folded.driver, line, 1);
      folded.upgrades++;
      apply_reload(&folded, line->at);
    }
  }
}

struct machine *look(void) {
  static double next_check;
  double real = real_now();
  if (real_start == 0) real_start = real;
  /* Looking at the file would be most of a call's cost; a script in real time can wait. */
  if (is_virtual || real >= next_check) {
    read_script();
    next_check = real + 20;
  }
  double now = is_virtual ? virtual_now : real - real_start;
  if (now < folded_from || now >= folded_until) fold(now);
  folded.now = now;
  folded.is_real = !is_virtual;
  return &folded;
}

struct call_rule rule_for(const char *function, int gpu) {
  struct call_rule rule = {0, 0, 0};
  for (int i = 0; i < line_count; i++) {
    const struct line *line = &lines[i];
    const char *word = line->words[0];
    if (line->count < 2 || line->at > folded.now) continue;
    if (strcmp(line->words[1], function) && strcmp(line->words[1], "*")) continue;
    int has_value = !strcmp(word, "delay") || !strcmp(word, "refuse");
    int which = has_value ? 3 : 2;
    if (line->count > which && (int)number(line, which) != gpu) continue;
    if (!strcmp(word, "hide")) rule.code = 13;
    else if (!strcmp(word, "refuse")) rule.code = (int)number(line, 2);
    else if (!strcmp(word, "delay")) rule.delay_ms = real(line, 2);
    else if (!strcmp(word, "hang")) rule.hangs = 1;
  }
  return rule;
}

int is_there(const struct process *process) { return !process->is_real || kill((pid_t)process->pid, 0) == 0; }

uint64_t used_mib(const struct gpu *gpu) {
  uint64_t sum = gpu->used_mib;
  for (int i = 0; i < gpu->process_count; i++)
    if (gpu->processes[i].is_real && is_there(&gpu->processes[i])) sum += gpu->processes[i].mib;
  return sum;
}

static double piece_power(const struct piece *piece, double now) {
  if (piece->period <= 0) return piece->high;
  return fmod(now - piece->from, piece->period) < piece->duty * piece->period ? piece->high : piece->low;
}

/* Watt-milliseconds are millijoules. */
static double piece_energy(const struct piece *piece, double from, double to) {
  if (piece->period <= 0) return piece->high * (to - from);
  double sum = 0, on = piece->duty * piece->period;
  for (int sign = 1; sign >= -1; sign -= 2) {
    double length = (sign > 0 ? to : from) - piece->from;
    double whole = floor(length / piece->period), part = length - whole * piece->period;
    double high = whole * on + (part < on ? part : on);
    sum += sign * (piece->high * high + piece->low * (length - high));
  }
  return sum;
}

void cap_power(const struct gpu *gpu, double watts) {
  int *count = &cap_count[gpu->index];
  if (*count < MAX_CAPS) caps[gpu->index][(*count)++] = (struct cap){folded.now, watts};
}

static double cap_at(const struct gpu *gpu, double time) {
  double watts = 0;
  for (int i = 0; i < cap_count[gpu->index]; i++) {
    const struct cap *cap = &caps[gpu->index][i];
    if (cap->at <= time && cap->at >= folded.last_reload) watts = cap->watts;
  }
  return watts;
}

double cap_of(const struct gpu *gpu) { return cap_at(gpu, folded.now); }

static struct piece capped(const struct piece *piece, double watts) {
  struct piece below = *piece;
  if (watts > 0) below.low = fmin(below.low, watts), below.high = fmin(below.high, watts);
  return below;
}

static double capped_energy(const struct gpu *gpu, const struct piece *piece, double from, double to) {
  double sum = 0;
  for (int i = 0; i <= cap_count[gpu->index]; i++) {
    double until = i < cap_count[gpu->index] ? fmin(caps[gpu->index][i].at, to) : to;
    if (until <= from) continue;
    struct piece below = capped(piece, cap_at(gpu, from));
    sum += piece_energy(&below, from, until);
    from = until;
  }
  return sum;
}

double power_at(const struct gpu *gpu, double now) {
  if (gpu->piece_count == 0) return 0;
  struct piece below = capped(&gpu->pieces[gpu->piece_count - 1], cap_at(gpu, now));
  return piece_power(&below, now);
}

uint64_t energy_at(const struct gpu *gpu, double now) {
  double until = gpu->tick > 0 ? floor(now / gpu->tick) * gpu->tick : now, sum = 0;
  for (int i = 0; i < gpu->piece_count; i++) {
    double from = fmax(gpu->pieces[i].from, gpu->energy_from);
    double to = i + 1 < gpu->piece_count ? fmin(gpu->pieces[i + 1].from, until) : until;
    if (to > from) sum += capped_energy(gpu, &gpu->pieces[i], from, to);
  }
  return gpu->energy_base_mj + (uint64_t)(sum + 1e-6);
}
