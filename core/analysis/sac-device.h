/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

#include "compute/gpu/gpu.h"
#include "compute/nn/nn.h"

/*
 * The device that work goes to: chosen, its kernels tested, kept in the user's cache, and replaced by the next one when it is lost
 * for good. A plain structure of one thread, zero before the first use; every function may block while drivers work.
 */

G_BEGIN_DECLS

typedef struct {
  struct gpu_instance *instance;
  struct gpu_device *device;    /* NULL: none is open */
  struct nn_findings *findings; /* of the open one */
  int index;                    /* of the open one */
  guint64 given_up;             /* a bit for each index that is not opened again */
} SacDevice;

/* Opens a device unless one is open. index: as `saccade devices` lists them, and no other will do; -1: that of $SACCADE_DEVICE, else the
 * best that passes its self-test. SAC_ERROR_DEVICE where there is none. */
gboolean sac_device_open(SacDevice *device, int index, GError **error);

/* After a loss: opens the same device again, or, where that fails or `again` says that it was lost again at the same work, gives it up
 * and opens the next best. notice, if not NULL, receives what a person should know (free it), or NULL. SAC_ERROR_DEVICE where no device
 * is left; then nothing is open and nothing will be opened any more. */
gboolean sac_device_recover(SacDevice *device, gboolean again, char **notice, GError **error);

void sac_device_close(SacDevice *device);

/* Closes everything. */
void sac_device_clear(SacDevice *device);

/* Where pipelines and what is known of devices are kept. Free it. */
char *sac_device_dup_cache_directory(void);

G_END_DECLS
