/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/media/sac-background.h"

#include <sys/resource.h>

#define NICE 15

void
sac_background_begin(void)
{
#ifdef __linux__
  /* On Linux this is the calling thread's own; elsewhere it would be the whole program's. */
  setpriority(PRIO_PROCESS, 0, NICE);
#endif
}
