/* The invented machine behind the stand-in: what its script says, folded up to one moment. */
#ifndef RIGSHIFT_SCRIPT_H
#define RIGSHIFT_SCRIPT_H

#include <stdint.h>

#define MAX_GPUS 16
#define MAX_PROCESSES 256
#define MAX_FIELDS 16
#define MAX_PIECES 256
#define MAX_XIDS 64
#define MAX_CAPS 64
#define TEXT 96

enum state { STATE_OK, STATE_LOST, STATE_RESET_REQUIRED, STATE_GONE };

struct process {
  unsigned pid;
  uint64_t mib;
  int graphics;
  /* Of this machine: it is on the card, with its memory, while it lives. */
  int is_real;
};

struct field_code {
  unsigned field;
  int code;
};

/* Percent of the cores that a program uses. */
struct share {
  unsigned pid, percent;
};

/* Constant power when `period` is 0, else high for `duty` of each period and low for the rest. */
struct piece {
  double from, low, high, period, duty;
};

struct gpu {
  int exists, index;
  char uuid[TEXT], name[TEXT], pci[TEXT];
  unsigned architecture, limit_w, lowest_w, highest_w, fan, utilization, mig, graphics_mhz, memory_mhz;
  int refused_control;
  int temperature;
  uint64_t vram_mib, used_mib, energy_base_mj;
  double energy_from, tick;
  long lost_after;
  enum state state;
  struct process processes[MAX_PROCESSES];
  int process_count;
  struct share shares[MAX_PROCESSES];
  int share_count;
  struct field_code fields[MAX_FIELDS];
  int field_count;
  struct piece pieces[MAX_PIECES];
  int piece_count;
  unsigned xids[MAX_XIDS];
  int xid_count;
};

struct machine {
  double now;
  /* Time passes by itself. */
  int is_real;
  char driver[TEXT];
  int gpu_count;
  double last_reload;
  /* How often the driver was replaced by another version. */
  int upgrades;
  struct gpu gpus[MAX_GPUS];
};

/* Reads the script again if it changed, and folds it up to now. Call with the lock held. */
struct machine *look(void);

/* What the script says about calls of `function` on `gpu` (-1: none). */
struct call_rule {
  int code;
  double delay_ms;
  int hangs;
};
struct call_rule rule_for(const char *function, int gpu);

/* What the caller set, which holds until a reload: a limit caps power from now on. 0 where nothing is set. */
void cap_power(const struct gpu *gpu, double watts);
double cap_of(const struct gpu *gpu);

int is_there(const struct process *process);
/* With that of the real programs. */
uint64_t used_mib(const struct gpu *gpu);

double power_at(const struct gpu *gpu, double now);
uint64_t energy_at(const struct gpu *gpu, double now);

#endif
